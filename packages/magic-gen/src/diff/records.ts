import { elementOf, hasName, isFlexible, type RecordsByName, recordsByName } from '../model/lookup.js';
import type { AbiRecord, Model, TypeRef } from '../model/model.js';
import { spell } from '../model/spelling.js';
import type { Change } from './change.js';
import { type FlatMember, flatMembers } from './flatten.js';

/**
 * What happened to structs and unions. Growth alone is compatible. Its effects are changes of their own: a renumbered
 * ioctl, a member that moved, an array with another element type.
 */
export function diffRecords(a: Model, b: Model): Change[] {
  const before = recordsByName(a);
  const after = recordsByName(b);
  return [
    ...a.records.filter(hasName).flatMap((record) => {
      const other = after.get(record.name);
      return other ? diffRecord(record, other, before, after) : [gone(record)];
    }),
    ...b.records.filter((record) => hasName(record) && !before.has(record.name)).map(added),
  ];
}

const size = (record: AbiRecord): string => `${record.kind} of ${record.size} bytes`;

function gone(record: AbiRecord): Change {
  return { kind: 'struct', name: record.name, change: 'removed', before: size(record), after: null, compatible: false };
}

function added(record: AbiRecord): Change {
  return { kind: 'struct', name: record.name, change: 'added', before: null, after: size(record), compatible: true };
}

function diffRecord(a: AbiRecord, b: AbiRecord, before: RecordsByName, after: RecordsByName): Change[] {
  const same = { kind: 'struct', name: a.name } as const;
  const changes: Change[] = [];
  if (a.kind !== b.kind) {
    // The places of the members are compared one by one.
    changes.push({ ...same, change: 'retyped', before: a.kind, after: b.kind, compatible: true });
  }
  if (a.align !== b.align) {
    const words = (align: number): string => `aligned to ${align}`;
    changes.push({ ...same, change: 'retyped', before: words(a.align), after: words(b.align), compatible: false });
  }
  if (a.size !== b.size) {
    const grown = a.size < b.size;
    const change = grown ? 'grown' : 'shrunk';
    changes.push({ ...same, change, before: `${a.size} bytes`, after: `${b.size} bytes`, compatible: grown });
  }
  return [...changes, ...diffMembers(flatMembers(a, before), flatMembers(b, after))];
}

function diffMembers(a: readonly FlatMember[], b: readonly FlatMember[]): Change[] {
  const before = new Map(a.map((member) => [member.path, member]));
  const after = new Map(b.map((member) => [member.path, member]));
  return [
    ...a.flatMap((member): Change[] => {
      const other = after.get(member.path);
      if (other) return diffMember(member, other);
      const { path: name, filler: compatible } = member;
      return [{ kind: 'member', name, change: 'removed', before: place(member), after: null, compatible }];
    }),
    ...b
      .filter(({ path }) => !before.has(path))
      .map(
        (member): Change => ({
          kind: 'member',
          name: member.path,
          change: 'added',
          before: null,
          after: place(member),
          compatible: true,
        }),
      ),
  ];
}

/** Padding exists to be used up: no change to it breaks anything. */
function diffMember(a: FlatMember, b: FlatMember): Change[] {
  const make = (change: Change['change'], before: string, after: string, compatible: boolean): Change => {
    return { kind: 'member', name: a.path, change, before, after, compatible: compatible || (a.filler && b.filler) };
  };
  const changes: Change[] = [];
  if (shape(a) !== shape(b)) changes.push(make('retyped', describeType(a), describeType(b), false));
  else if (a.size !== b.size) {
    const grown = (a.size ?? Number.POSITIVE_INFINITY) < (b.size ?? Number.POSITIVE_INFINITY);
    changes.push(make(grown ? 'grown' : 'shrunk', sizeText(a), sizeText(b), grown));
  }
  if (a.offset !== b.offset || a.bits?.offset !== b.bits?.offset) {
    changes.push(make('moved', at(a), at(b), false));
  }
  return changes;
}

/**
 * What two types must share to be read by the same code. The length of an array does not matter, nor does the size of a
 * single struct. The size of an array's elements does: it decides where the second one begins.
 */
function shape({ type, elementSize, bits }: FlatMember): string {
  const element = elementOf(type);
  const inArray = type.kind === 'array' ? `array of ${elementSize} ` : '';
  const width = bits === null ? '' : ` :${bits.width}`;
  return `${inArray}${rows(type)}${scalarShape(element)}${width}`;
}

/** All dimensions but the first, which do not change where elements are. */
function rows(type: TypeRef): string {
  if (type.kind !== 'array' || type.element.kind !== 'array') return '';
  return `[${type.element.count}]${rows(type.element)}`;
}

function scalarShape(type: TypeRef): string {
  switch (type.kind) {
    case 'record':
      return `record ${type.name}`;
    case 'pointer':
      return `pointer ${type.size}`;
    case 'array':
      return scalarShape(elementOf(type));
    default:
      return `${type.signed ? 'signed' : 'unsigned'} ${type.size}`;
  }
}

function describeType({ type, bits, elementSize }: FlatMember): string {
  if (bits !== null) return `${spell(type)} of ${bits.width} bits`;
  const element = elementOf(type);
  const bytes = type.kind === 'array' && element.kind === 'record' ? `, ${elementSize} bytes each` : '';
  return `${spell(type)}${bytes}`;
}

function sizeText({ type, size: bytes }: FlatMember): string {
  return type.kind === 'array' ? `${spell(type)}` : `${bytes} bytes`;
}

function at({ offset, bits }: FlatMember): string {
  return bits === null ? `at ${offset}` : `at bit ${bits.offset}`;
}

function place(member: FlatMember): string {
  const bytes = isFlexible(member.type) ? 'any number' : `${member.size} bytes`;
  const long = member.bits === null ? bytes : `${member.bits.width} bits`;
  return `${spell(member.type)} ${at(member)}, ${long}`;
}
