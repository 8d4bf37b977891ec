import { encode } from '../model/ioctls.js';
import { recordsByName, sizeOf } from '../model/lookup.js';
import type { AbiRecord, Constant, ForeignIoctl, Ioctl, Member, Model, TypeRef } from '../model/model.js';
import { cName, findPaths, type RecordPath } from './paths.js';

export type ProbeKind = 'record' | 'member' | 'bitfield' | 'constant' | 'enum' | 'ioctl' | 'function';

/** One number of the model, and the C expression with which a compiler computes it. */
export interface Probe {
  kind: ProbeKind;
  /** What the number belongs to: "kvm_run.immediate_exit". */
  subject: string;
  /** Which of its numbers it is: "offset". */
  aspect: string;
  expression: string;
  expected: bigint;
}

/** A bitfield of the model, and the object that a compiler makes with exactly its bits set. */
export interface BitfieldProbe {
  subject: string;
  type: string;
  field: string;
  /** Bits from the start of the object. */
  offset: number;
  width: number;
}

export interface Probes {
  numbers: Probe[];
  bitfields: BitfieldProbe[];
  /** Numbers of the ioctls of other architectures, for text in which `standIns` replace their structs. */
  foreign: Probe[];
  /** Numbers of anonymous records, for text in which those have names. */
  anonymous: Probe[];
  unchecked: { name: string; reason: string }[];
}

// The compilers' numbers for the kinds of types.
const pointerClass = 5;
const structClass = 12;
const unionClass = 13;

/** Everything to ask a compiler about the model. */
export function makeProbes(model: Model): Probes {
  const probes: Probes = { numbers: [], bitfields: [], foreign: [], anonymous: [], unchecked: [] };
  const paths = findPaths(model);
  const records = recordsByName(model);
  for (const record of model.records) {
    const path = paths.get(record.name);
    if (!path) {
      probes.unchecked.push({ name: record.name, reason: 'no C expression can name it' });
      continue;
    }
    probeRecord(record, path, probes);
    for (const member of record.members) probeMember(record, member, path, records, probes);
  }
  for (const { name } of model.enums) {
    if (name === null) continue;
    const expression = `sizeof(enum ${name}) > 0`;
    probes.numbers.push({ kind: 'enum', subject: `enum ${name}`, aspect: 'tag', expression, expected: 1n });
  }
  for (const constant of model.constants) probes.numbers.push(...constantProbes(constant));
  for (const ioctl of model.ioctls) probes.numbers.push(...ioctlProbes(ioctl, model));
  for (const ioctl of model.foreignIoctls) probes.foreign.push(...foreignProbes(ioctl, model));
  return probes;
}

function probeRecord(record: AbiRecord, path: RecordPath, probes: Probes): void {
  const type = `__typeof__(${path.named})`;
  const ask = (aspect: string, expression: string, expected: number): void => {
    const probe: Probe = { kind: 'record', subject: record.name, aspect, expression, expected: BigInt(expected) };
    (path.named === path.expression ? probes.numbers : probes.anonymous).push(probe);
  };
  ask('size', `sizeof(${type})`, record.size);
  ask('alignment', `_Alignof(${type})`, record.align);
  ask('kind', `__builtin_classify_type(${path.named})`, record.kind === 'struct' ? structClass : unionClass);
}

function probeMember(
  record: AbiRecord,
  member: Member,
  path: RecordPath,
  records: ReadonlyMap<string, AbiRecord>,
  probes: Probes,
): void {
  const { name, bits } = member;
  if (name === null) {
    // An anonymous record is a record of its own; the offsets of its members show its place.
    if (bits) probes.unchecked.push({ name: `${record.name} bit ${bits.offset}`, reason: 'a bitfield without a name' });
    return;
  }
  const subject = `${record.name}.${name}`;
  const type = `__typeof__(${path.expression})`;
  if (bits) {
    const offset = path.base * 8 + bits.offset;
    probes.bitfields.push({ subject, type, field: name, offset, width: bits.width });
    return;
  }
  const ask = (aspect: string, expression: string, expected: number): void => {
    probes.numbers.push({ kind: 'member', subject, aspect, expression, expected: BigInt(expected) });
  };
  const value = `${path.expression}.${name}`;
  ask('offset', `__builtin_offsetof(${type}, ${name})`, path.base + member.offset);

  let element: TypeRef = member.type;
  let single = value;
  for (; element.kind === 'array'; element = element.element) {
    // A flexible array has no size.
    if (element.count !== null) ask('array size', `sizeof(${single})`, sizeOf(element, records));
    single += '[0]';
  }
  ask('size', `sizeof(${single})`, sizeOf(element, records));
  if (element.kind === 'pointer') {
    ask('kind', `__builtin_classify_type(${single})`, pointerClass);
  } else if (element.kind === 'record') {
    const inner = records.get(element.name);
    if (inner?.tagged) ask('type', `__builtin_types_compatible_p(__typeof__(${single}), ${cName(inner)})`, 1);
  } else {
    ask('sign', `(__typeof__(${single}))-1 < 0`, element.signed ? 1 : 0);
  }
}

function constantProbes(constant: Constant): Probe[] {
  const { name, value, type } = constant;
  const typed = `__typeof__(${name})`;
  const longLong = ['long long', 'unsigned long long']
    .map((each) => `__builtin_types_compatible_p(${typed}, ${each})`)
    .join(' || ');
  const ask = (aspect: string, expression: string, expected: bigint | boolean | number): Probe => {
    return { kind: 'constant', subject: name, aspect, expression, expected: BigInt.asUintN(64, BigInt(expected)) };
  };
  return [
    ask('value', name, BigInt(value)),
    ask('size', `sizeof(${name})`, type.size),
    ask('sign', `(${typed})-1 < 0`, type.signed),
    ask('long long', longLong, type.longLong),
  ];
}

/**
 * Definitions of the structs that only other architectures define: of one byte, which becomes the size in the numbers.
 */
export function standIns({ foreignIoctls }: Pick<Model, 'foreignIoctls'>): string {
  const types = new Set(foreignIoctls.map(({ argument }) => argument));
  return [...types].map((type) => `${type} { char byte; };\n`).join('');
}

/** Everything in an ioctl's number except the size of its struct. */
function foreignProbes(ioctl: ForeignIoctl, model: Model): Probe[] {
  const size = 1;
  const request = encode(model.target.ioc, ioctl.direction, ioctl.type, ioctl.nr, size);
  return ioctlProbes({ ...ioctl, argument: null, size, request }, model);
}

function ioctlProbes(ioctl: Ioctl, model: Model): Probe[] {
  const { ioc } = model.target;
  const bits = { none: ioc.none, read: ioc.read, write: ioc.write, readwrite: ioc.read | ioc.write };
  const ask = (aspect: string, expression: string, expected: number): Probe => {
    return { kind: 'ioctl', subject: ioctl.name, aspect, expression, expected: BigInt(expected) };
  };
  return [
    ask('number', ioctl.name, ioctl.request),
    ask('type', `_IOC_TYPE(${ioctl.name})`, ioctl.type),
    ask('nr', `_IOC_NR(${ioctl.name})`, ioctl.nr),
    ask('size', `_IOC_SIZE(${ioctl.name})`, ioctl.size),
    ask('direction', `_IOC_DIR(${ioctl.name})`, bits[ioctl.direction]),
  ];
}
