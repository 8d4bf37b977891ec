import { MagicGenError } from '../errors.js';
import { type CType, describe, type LaidMember, type RecordType } from '../language/types.js';
import type { Declarations } from '../layout/declarations.js';
import { fail, placeOf, type Syntax } from '../parse/code.js';
import type { AbiRecord, TypeRef } from './model.js';
import { originOf, tokenOf } from './origin.js';

/** Names the records of the model, and collects those that it needs. */
export class Records {
  readonly #declarations: Declarations;
  readonly #names = new Map<RecordType, string>();
  readonly #needed = new Map<RecordType, AbiRecord>();

  constructor(declarations: Declarations, roots: ReadonlySet<string>) {
    this.#declarations = declarations;
    for (const record of declarations.records) this.#nameAll(record);
    for (const record of declarations.records) {
      if (roots.has(originOf(tokenOf(record.node)).file)) this.#need(record, record.node);
    }
  }

  /** The records, in the order of their declarations. */
  all(): AbiRecord[] {
    return this.#declarations.records.flatMap((record) => this.#needed.get(record) ?? []);
  }

  /** The model's form of a type. A record in it becomes part of the model. */
  typeRef(type: CType, node: Syntax): TypeRef {
    switch (type.kind) {
      case 'integer':
        return { kind: 'int', name: type.name, size: type.size, signed: type.signed };
      case 'enum': {
        const { size, signed, name } = type.integer;
        return type.name === '' ? { kind: 'int', name, size, signed } : { kind: 'enum', name: type.name, size, signed };
      }
      case 'pointer':
        return { kind: 'pointer', size: type.size };
      case 'record':
        return { kind: 'record', name: this.#need(type.record, node).name };
      case 'array':
        return { kind: 'array', element: this.typeRef(type.element, node), count: type.count };
      default:
        return fail(node, `the model cannot express the type ${describe(type)}`);
    }
  }

  #need(record: RecordType, node: Syntax): AbiRecord {
    const before = this.#needed.get(record);
    if (before) return before;
    const name = this.#names.get(record);
    if (name === undefined) fail(record.node, 'no C code can use this record: it has no name');
    if (!record.complete) fail(node, `${describe({ kind: 'record', record, align: null })} is not defined`);

    const made: AbiRecord = {
      name,
      kind: record.union ? 'union' : 'struct',
      tagged: record.tag !== null,
      size: record.size,
      align: record.align,
      members: [],
      origin: originOf(tokenOf(record.node)),
    };
    this.#needed.set(record, made);
    made.members = record.members.map((member) => ({
      name: member.name,
      type: this.typeRef(member.type, member.node),
      offset: member.offset,
      ...(member.bits ? { bits: member.bits } : {}),
      origin: originOf(tokenOf(member.node)),
    }));
    return made;
  }

  #nameAll(record: RecordType): void {
    const name = record.tag ?? record.typedef;
    if (name !== null) this.#name(record, name, name);
  }

  /** @param within The path that C code uses to reach the members: anonymous records are not part of it. */
  #name(record: RecordType, name: string, within: string): void {
    if (this.#names.has(record)) return;
    for (const [other, taken] of this.#names) {
      if (taken === name) {
        throw new MagicGenError(`two records are called '${name}'`, placeOf(other.node) ?? placeOf(record.node));
      }
    }
    this.#names.set(record, name);
    for (const [index, member] of record.members.entries()) {
      const inner = ownRecord(member);
      if (!inner) continue;
      if (member.name === null) this.#name(inner, `${name}.#${index}`, within);
      else this.#name(inner, `${within}.${member.name}`, `${within}.${member.name}`);
    }
  }
}

/** The record that a member defines without a tag. */
function ownRecord(member: LaidMember): RecordType | undefined {
  let { type } = member;
  while (type.kind === 'array') type = type.element;
  return type.kind === 'record' && type.record.tag === null && type.record.typedef === null ? type.record : undefined;
}
