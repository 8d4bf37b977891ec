import { elementOf, fieldsOf, isFlexible, type RecordsByName, sizeOf } from '../model/lookup.js';
import type { AbiRecord, TypeRef } from '../model/model.js';

/** A member at its place in the outermost named record, through all anonymous records around it. */
export interface FlatMember {
  /** "kvm_run.exit_reason". */
  path: string;
  type: TypeRef;
  /** Bytes from the start of that record. */
  offset: number;
  /** The size of the whole member; null for a flexible array. */
  size: number | null;
  /** The size of one element of the innermost array; of the member itself where it is not an array. */
  elementSize: number;
  bits: { offset: number; width: number } | null;
  /** Room for later members, which nobody reads or writes. */
  filler: boolean;
}

export function flatMembers(record: AbiRecord, records: RecordsByName): FlatMember[] {
  return fieldsOf(record, records).map(({ name, type, offset, bits }) => ({
    path: `${record.name}.${name}`,
    type,
    offset,
    size: isFlexible(type) ? null : sizeOf(type, records),
    elementSize: sizeOf(elementOf(type), records),
    bits: bits ?? null,
    filler: /^_*(?:pad|padding|reserved|rsvd|unused)\d*[a-z]?$/i.test(name),
  }));
}
