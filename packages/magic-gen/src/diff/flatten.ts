import type { AbiRecord, Member, Model, TypeRef } from '../model/model.js';

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

/** The records of a model that have a lasting name. */
export function namedRecords(model: Model): AbiRecord[] {
  return model.records.filter(({ name }) => !name.includes('#'));
}

export function flatMembers(record: AbiRecord, model: Model): FlatMember[] {
  const records = new Map(model.records.map((each) => [each.name, each]));
  return membersWithin(record, record.name, 0, records);
}

function membersWithin(
  record: AbiRecord,
  owner: string,
  base: number,
  records: ReadonlyMap<string, AbiRecord>,
): FlatMember[] {
  return record.members.flatMap((member): FlatMember[] => {
    const { name, type } = member;
    if (name !== null) return [flat(member, name, owner, base, records)];
    const inner = type.kind === 'record' ? records.get(type.name) : undefined;
    return inner ? membersWithin(inner, owner, base + member.offset, records) : [];
  });
}

function flat(
  { type, offset, bits }: Member,
  name: string,
  owner: string,
  base: number,
  records: ReadonlyMap<string, AbiRecord>,
): FlatMember {
  return {
    path: `${owner}.${name}`,
    type,
    offset: base + offset,
    size: isFlexible(type) ? null : sizeOf(type, records),
    elementSize: sizeOf(elementOf(type), records),
    bits: bits ? { offset: base * 8 + bits.offset, width: bits.width } : null,
    filler: /^_*(?:pad|padding|reserved|rsvd|unused)\d*[a-z]?$/i.test(name) || name.startsWith('__empty_'),
  };
}

/** A flexible array: one without a length, or, as older headers write it, of length 0. */
export function isFlexible(type: TypeRef): boolean {
  return type.kind === 'array' && (type.count === null || type.count === 0);
}

export function elementOf(type: TypeRef): TypeRef {
  return type.kind === 'array' ? elementOf(type.element) : type;
}

export function sizeOf(type: TypeRef, records: ReadonlyMap<string, AbiRecord>): number {
  if (type.kind === 'record') return records.get(type.name)?.size ?? 0;
  return type.kind === 'array' ? (type.count ?? 0) * sizeOf(type.element, records) : type.size;
}
