import type { AbiRecord, Dated, Member, Model, TypeRef } from './model.js';

/** Looks things up in a model: records by name, their members through anonymous records, and sizes. */

/** A member as C names it: those of anonymous structs and unions belong to the enclosing record. */
export interface Field extends Dated {
  name: string;
  type: TypeRef;
  /** Bytes from the start of the outermost record. */
  offset: number;
  bits?: { offset: number; width: number };
}

export type RecordsByName = ReadonlyMap<string, AbiRecord>;

export function recordsByName({ records }: Pick<Model, 'records'>): RecordsByName {
  return new Map(records.map((record) => [record.name, record]));
}

export function fieldsOf(record: AbiRecord, records: RecordsByName, base = 0): Field[] {
  return record.members.flatMap((member) => fieldsOfMember(member, records, base));
}

function fieldsOfMember(member: Member, records: RecordsByName, base: number): Field[] {
  const offset = base + member.offset;
  if (member.name === null) {
    if (member.type.kind !== 'record') return [];
    return fieldsOf(named(member.type.name, records), records, offset);
  }
  // The empty struct that a flexible-array macro puts before its array has no bytes and no use.
  if (member.name.startsWith('__empty_')) return [];
  const bits = member.bits && { offset: base * 8 + member.bits.offset, width: member.bits.width };
  const since = member.since === undefined ? {} : { since: member.since };
  return [{ name: member.name, type: member.type, offset, ...(bits && { bits }), ...since }];
}

export function named(name: string, records: RecordsByName): AbiRecord {
  const record = records.get(name);
  if (record === undefined) throw new Error(`the model has no record ${name}`);
  return record;
}

/** Whether C code, or a field, can name the record. Anonymous ones have only a number. */
export function hasName(record: Pick<AbiRecord, 'name'>): boolean {
  return !record.name.includes('#');
}

export function sizeOf(type: TypeRef, records: RecordsByName): number {
  switch (type.kind) {
    case 'record':
      return named(type.name, records).size;
    case 'array':
      return (type.count ?? 0) * sizeOf(type.element, records);
    default:
      return type.size;
  }
}

/** The element type of an array, through all dimensions; any other type itself. */
export function elementOf(type: TypeRef): TypeRef {
  return type.kind === 'array' ? elementOf(type.element) : type;
}

/** A flexible array: one without a length or, in older headers, of length 0. */
export function isFlexible(type: TypeRef): type is Extract<TypeRef, { kind: 'array' }> {
  return type.kind === 'array' && (type.count === null || type.count === 0);
}
