import type { Syntax } from '../parse/code.js';
import type { IntegerType } from './integers.js';

/** A C type, with its size and alignment on the target. */
export type CType =
  | IntegerType
  | EnumType
  | { kind: 'float'; name: string; size: number; align: number }
  | { kind: 'pointer'; size: number; align: number }
  | ArrayType
  /** `align` is null where it is the record's own; a typedef may override it. */
  | { kind: 'record'; record: RecordType; align: number | null }
  | { kind: 'void' }
  | { kind: 'function' };

export interface EnumType {
  kind: 'enum';
  name: string;
  /**
   * Shared by everything that names the enum. The size is 0 until the enum is defined; until then C can only name it.
   */
  integer: IntegerType;
  /** Null where it is the integer's; a typedef may override it. */
  align: number | null;
}

export interface ArrayType {
  kind: 'array';
  element: CType;
  /** Null where the length is left open. */
  count: number | null;
  align: number;
}

/** A struct or union. */
export interface RecordType {
  union: boolean;
  tag: string | null;
  /** The typedef's name, where C code can name the record only by a typedef. */
  typedef: string | null;
  /** False until the closing brace; until then C can only name it. */
  complete: boolean;
  size: number;
  align: number;
  members: LaidMember[];
  /** Where the keyword is. */
  node: Syntax;
}

export interface LaidMember {
  /** Null for an anonymous record or an unnamed bitfield. */
  name: string | null;
  type: CType;
  /** Bytes from the start of the record. */
  offset: number;
  bits: { offset: number; width: number } | null;
  node: Syntax;
}

/** The size in bytes; undefined for a type without one (yet). */
export function sizeOf(type: CType): number | undefined {
  switch (type.kind) {
    case 'integer':
    case 'float':
    case 'pointer':
      return type.size;
    case 'enum':
      return type.integer.size || undefined;
    case 'record':
      return type.record.complete ? type.record.size : undefined;
    case 'array': {
      const element = sizeOf(type.element);
      return element === undefined || type.count === null ? undefined : element * type.count;
    }
    default:
      return undefined;
  }
}

/** The alignment in bytes; 1 for a type without one. */
export function alignOf(type: CType): number {
  if (type.kind === 'record') return type.align ?? type.record.align;
  if (type.kind === 'enum') return type.align ?? type.integer.align;
  return 'align' in type ? type.align : 1;
}

/** The type's name in messages. */
export function describe(type: CType): string {
  switch (type.kind) {
    case 'integer':
    case 'float':
      return type.name;
    case 'enum':
      return `enum ${type.name}`;
    case 'record':
      return `${type.record.union ? 'union' : 'struct'} ${type.record.tag ?? type.record.typedef ?? '(unnamed)'}`;
    case 'array':
      return `array of ${describe(type.element)}`;
    default:
      return type.kind;
  }
}
