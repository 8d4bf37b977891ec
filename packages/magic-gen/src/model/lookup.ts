import type { AbiRecord, Dated, Member, Model, TypeRef } from '../model/model.js';

/** A member as TypeScript sees it: those of anonymous structs and unions belong to the record that holds them, as in C. */
export interface Field extends Dated {
  name: string;
  type: TypeRef;
  /** Bytes from the start of the outermost record. */
  offset: number;
  bits?: { offset: number; width: number };
}

export function recordsByName(model: Model): Map<string, AbiRecord> {
  return new Map(model.records.map((record) => [record.name, record]));
}

export function fieldsOf(record: AbiRecord, records: Map<string, AbiRecord>, base = 0): Field[] {
  return record.members.flatMap((member) => fieldsOfMember(member, records, base));
}

function fieldsOfMember(member: Member, records: Map<string, AbiRecord>, base: number): Field[] {
  const offset = base + member.offset;
  if (member.name === null) {
    if (member.type.kind !== 'record') return [];
    return fieldsOf(named(member.type.name, records), records, offset);
  }
  // The empty struct that a flexible-array macro puts before its array; it has no bytes and no use.
  if (member.name.startsWith('__empty_')) return [];
  const bits = member.bits && { offset: base * 8 + member.bits.offset, width: member.bits.width };
  const since = member.since === undefined ? {} : { since: member.since };
  return [{ name: member.name, type: member.type, offset, ...(bits && { bits }), ...since }];
}

export function named(name: string, records: Map<string, AbiRecord>): AbiRecord {
  const record = records.get(name);
  if (record === undefined) throw new Error(`the model has no record ${name}`);
  return record;
}

/** Whether C code, or a field, can reach the record by a name: all but the anonymous ones, which are flattened. */
export function hasName(record: AbiRecord): boolean {
  return !record.name.includes('#');
}

export function sizeOf(type: TypeRef, records: Map<string, AbiRecord>): number {
  switch (type.kind) {
    case 'record':
      return named(type.name, records).size;
    case 'array':
      return (type.count ?? 0) * sizeOf(type.element, records);
    default:
      return type.size;
  }
}

/** A flexible array: one without a length, or, as older headers write it, of length 0. */
export function isFlexible(type: TypeRef): type is Extract<TypeRef, { kind: 'array' }> {
  return type.kind === 'array' && (type.count === null || type.count === 0);
}
