import { sinceText } from '../history/versions.js';
import { elementOf, recordsByName, sizeOf } from '../model/lookup.js';
import type { AbiRecord, Member, Model, TypeRef } from '../model/model.js';
import { spell } from '../model/spelling.js';

/** One line of a record's layout on one architecture. */
export interface LayoutRow {
  /** Identifies the same row on another architecture. */
  key: string;
  /** The nesting depth. */
  depth: number;
  /** "__u32 exit_reason", "union", "(hole)". */
  label: string;
  /** Bytes from the start of the outermost record. For a bitfield "12.3": the byte and the bit in it. */
  offset: string;
  /** In bytes; for a bitfield, in bits. */
  size: string;
  /** When it was added, where that differs from the enclosing record. */
  since: string;
}

/** The layout of a record: every member at its place, the members of nested records indented, and the holes between. */
export function layoutRows(record: AbiRecord, model: Model): LayoutRow[] {
  const records = recordsByName(model);
  return new Layout(records, model.knownKernels ?? []).rows(record, {
    base: 0,
    depth: 0,
    path: '',
    since: record.since,
  });
}

/** Where a record is laid out. */
interface Place {
  base: number;
  depth: number;
  path: string;
  /** When the enclosing record was added. */
  since: string | undefined;
}

class Layout {
  readonly #records: ReadonlyMap<string, AbiRecord>;
  readonly #known: readonly string[];

  constructor(records: ReadonlyMap<string, AbiRecord>, known: readonly string[]) {
    this.#records = records;
    this.#known = known;
  }

  rows(record: AbiRecord, place: Place): LayoutRow[] {
    const { base, depth, path } = place;
    const rows: LayoutRow[] = [];
    let end = 0;
    let previous = 'start';
    for (const member of record.members) {
      const [from, to] = this.#bits(member);
      const name = this.#keyName(member);
      const key = `${path}/${name}`;
      if (record.kind === 'struct' && from > end) rows.push(hole(`${path}/${previous}`, base, end, from, depth));
      rows.push(...this.#member(member, { ...place, path: key }));
      previous = name;
      end = Math.max(end, to);
    }
    const last = record.size * 8;
    if (record.kind === 'struct' && last > end && record.members.length > 0) {
      rows.push(hole(`${path}/${previous}`, base, end, last, depth));
    }
    return rows;
  }

  #member(member: Member, { base, depth, path: key, since: around }: Place): LayoutRow[] {
    const { type, bits, name } = member;
    const inner = this.#inner(type);
    const since = member.since ?? around;
    const row: LayoutRow = {
      key,
      depth,
      label: label(type, name, inner),
      offset: bits ? bitPlace(base * 8 + bits.offset) : `${base + member.offset}`,
      size: bits ? bitCount(bits.width) : `${sizeOf(type, this.#records)}`,
      since: since === undefined || since === around ? '' : sinceText(since, this.#known),
    };
    return inner
      ? [row, ...this.rows(inner, { base: base + member.offset, depth: depth + 1, path: key, since })]
      : [row];
  }

  /** An anonymous record is identified by its first name: its position differs between architectures. */
  #keyName({ name, type, bits }: Member): string {
    if (name !== null) return name;
    const [first] = this.#inner(type)?.members ?? [];
    return first === undefined ? `#${bits?.offset ?? ''}` : `#${this.#keyName(first)}`;
  }

  /** The record that a member defines. One with a tag is shown under its own name. */
  #inner(type: TypeRef): AbiRecord | undefined {
    const element = elementOf(type);
    const record = element.kind === 'record' ? this.#records.get(element.name) : undefined;
    return record && /[.#]/.test(record.name) ? record : undefined;
  }

  #bits({ offset, type, bits }: Member): [number, number] {
    if (bits) return [bits.offset, bits.offset + bits.width];
    return [offset * 8, (offset + sizeOf(type, this.#records)) * 8];
  }
}

function label(type: TypeRef, name: string | null, inner: AbiRecord | undefined): string {
  const brackets = type.kind === 'array' ? /(\[.*)$/.exec(spell(type))?.[1] : undefined;
  const word = inner ? inner.kind : spell(type.kind === 'array' ? { ...type, count: 0 } : type).replace(/\[.*$/, '');
  return name === null ? word : `${word} ${name}${brackets ?? ''}`;
}

function hole(after: string, base: number, from: number, to: number, depth: number): LayoutRow {
  const whole = from % 8 === 0 && to % 8 === 0;
  const offset = whole ? `${base + from / 8}` : bitPlace(base * 8 + from);
  const size = whole ? `${(to - from) / 8}` : bitCount(to - from);
  return { key: `${after}/hole`, depth, label: '(hole)', offset, size, since: '' };
}

function bitPlace(bit: number): string {
  return `${bit >> 3}.${bit % 8}`;
}

function bitCount(count: number): string {
  return count === 1 ? '1 bit' : `${count} bits`;
}
