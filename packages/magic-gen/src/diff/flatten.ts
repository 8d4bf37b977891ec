import { elementOf, fieldsOf, isFlexible, type RecordsByName, sizeOf } from '../model/lookup.js';
import type { AbiRecord, TypeRef } from '../model/model.js';

/** A member where it lies in the outermost record that has a name, whatever anonymous records are around it. */
export interface FlatMember {
  /** "kvm_run.exit_reason". */
  path: string;
  type: TypeRef;
  /** Bytes from the start of that record. */
  offset: number;
  /** Of the whole member; null for a flexible array. */
  size: number | null;
  /** Of one element at the bottom of an array; of the member where it is none. */
  elementSize: number;
  bits: { offset: number; width: number } | null;
  /** Nobody reads or writes it: room for later members. */
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
