import { alignOf, type CType, describe, type LaidMember, sizeOf } from '../language/types.js';
import { fail, type Syntax } from '../parse/code.js';

/** A member before its place is known. */
export interface Member {
  name: string | null;
  type: CType;
  /** Null unless the member is a bitfield. */
  width: number | null;
  packed: boolean;
  /** The alignment that `aligned` asks for, else 1. */
  aligned: number;
  node: Syntax;
}

export interface Layout {
  size: number;
  align: number;
  members: LaidMember[];
}

export interface LayoutRules {
  union: boolean;
  packed: boolean;
  aligned: number;
  unnamedBitfieldsAlign: boolean;
}

/** C compilers refuse larger objects. Below it every offset, even in bits, is an exact number. */
export const sizeLimit = 2 ** 47;

/**
 * Places the members as the System V ABIs do: each at the next multiple of its alignment; a bitfield in the next bits
 * of a unit of its type that hold all of it.
 */
export function layOut(members: readonly Member[], rules: LayoutRules): Layout {
  let end = 0; // in bits: the first one free for the next member
  let longest = 0;
  let align = rules.aligned;
  const laid: LaidMember[] = [];

  for (const [index, member] of members.entries()) {
    const size = sizeOfMember(member);
    const open = member.type.kind === 'array' && member.type.count === null;
    if (open && !rules.union && index < members.length - 1)
      fail(member.node, 'a flexible array before the end of a struct');
    const packed = rules.packed || member.packed;
    const natural = alignOf(member.type);
    if (rules.union) end = 0;

    if (member.width === null) {
      const alignment = Math.max(packed ? 1 : natural, member.aligned);
      const offset = roundUp(end, alignment * 8) / 8;
      laid.push({ name: member.name, type: member.type, offset, bits: null, node: member.node });
      end = (offset + size) * 8;
      align = Math.max(align, alignment);
    } else {
      const counts = member.name !== null || rules.unnamedBitfieldsAlign;
      const at = placeBits(end, member.width, { size, align: natural, packed, aligned: member.aligned });
      laid.push({
        name: member.name,
        type: member.type,
        offset: Math.floor(at / 8),
        bits: { offset: at, width: member.width },
        node: member.node,
      });
      end = at + member.width;
      // A bitfield of zero width closes the unit of its type, even in a packed record.
      if (counts) align = Math.max(align, packed && member.width > 0 ? 1 : natural, member.aligned);
    }
    if (end / 8 > sizeLimit) fail(member.node, 'the record is too large');
    longest = Math.max(longest, end);
  }
  return { size: roundUp(longest, align * 8) / 8, align, members: laid };
}

interface BitRules {
  /** Of the bitfield's type, in bytes. */
  size: number;
  align: number;
  packed: boolean;
  aligned: number;
}

/** The first bit of a bitfield that may begin at bit `end`. */
function placeBits(end: number, width: number, { size, align, packed, aligned }: BitRules): number {
  const unit = align * 8;
  // A width of zero closes the unit, even in a packed record.
  if (width === 0) return roundUp(end, Math.max(unit, aligned * 8));
  const at = aligned > 1 ? roundUp(end, aligned * 8) : end;
  const crosses = Math.ceil(((at % unit) + width) / unit) > size / align;
  return crosses && !packed ? roundUp(at, unit) : at;
}

function sizeOfMember(member: Member): number {
  const { type } = member;
  if (type.kind === 'array' && type.count === null && sizeOf(type.element) !== undefined) return 0;
  return sizeOf(type) ?? fail(member.node, `${describe(type)} is incomplete: its size is not known here`);
}

export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
