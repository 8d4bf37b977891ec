import { types } from 'node:util';
import type { FdKind, Ioctl } from '../abi/ioctl.js';
import { KvmError } from '../errors/kvm-error.js';
import { integer } from '../struct/check.js';
import type { FlexStructType } from '../struct/flex.js';
import { Struct, type StructType } from '../struct/struct.js';
import { hostCapability } from './capabilities.js';
import type { Descriptor } from './descriptor.js';

/** Checks of the arguments of ioctls. */

/** An ioctl whose argument is a pointer to a struct `T`. */
export type StructIoctl<T extends Struct> = Ioctl<FdKind, { readonly kind: 'struct'; readonly type: StructType<T> }>;

function wrong(ioctl: Ioctl, wanted: string): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', `${ioctl.name} takes ${wanted}`, { ioctl: ioctl.name });
}

/** The argument of an ioctl that takes a plain number, or none. */
export function numberFor(ioctl: Ioctl, argument: unknown): number {
  if (ioctl.argument.kind === 'value') {
    return integer(argument as number, 0, Number.MAX_SAFE_INTEGER, `the argument of ${ioctl.name}`);
  }
  if (argument !== undefined) throw wrong(ioctl, 'no argument');
  return 0;
}

/** The argument of an ioctl that takes a pointer to one integer. */
export function integerFor(ioctl: Ioctl, size: 4 | 8, argument: unknown): ArrayBufferView {
  const fits = size === 8 ? types.isBigUint64Array(argument) : types.isUint32Array(argument);
  if (!fits || (argument as ArrayBufferView).byteLength !== size) {
    throw wrong(ioctl, `a ${size === 8 ? 'BigUint64Array' : 'Uint32Array'} of length 1`);
  }
  return argument as ArrayBufferView;
}

/** The argument of an ioctl that takes a pointer to a struct. */
export function structFor(ioctl: Ioctl, argument: unknown): Struct {
  const type = 'type' in ioctl.argument ? ioctl.argument.type : undefined;
  const own = Struct.typeOf(argument);
  // A class such as Lapic may extend a generated one, over the same bytes.
  const fits = type !== undefined && (own === type || own?.prototype instanceof type);
  if (!fits) throw wrong(ioctl, `a struct ${type?.cName}`);
  return argument as Struct;
}

/** Whether a member of an ioctl's struct tells the kernel the struct's length. */
export function tellsLength(ioctl: Ioctl): boolean {
  return lengthMember(ioctl) !== undefined;
}

/** Refuses a struct that is shorter than the part that the kernel uses. */
export function checkLength(descriptor: Descriptor, kind: FdKind, ioctl: Ioctl, struct: Struct): void {
  const { length } = ioctl;
  if (length !== undefined && 'capability' in length) {
    longEnough(ioctl, struct, hostCapability(descriptor, kind, length.capability.number));
    return;
  }
  const member = lengthMember(ioctl);
  if (member !== undefined) longEnough(ioctl, struct, lengthTold(ioctl, struct, member));
}

/** The member that tells the kernel a struct's length: in bytes, or as a number of elements. */
function lengthMember({ argument, length }: Ioctl): string | undefined {
  if (argument.kind !== 'struct') return undefined;
  if (length !== undefined) return 'member' in length ? length.member : undefined;
  return (argument.type as Partial<FlexStructType>).count;
}

/** The number of bytes that the kernel uses of a struct with such a member. */
function lengthTold(ioctl: Ioctl, struct: Struct, member: string): number {
  const told = Number((struct as unknown as Record<string, number | bigint>)[member]);
  if (ioctl.length !== undefined) return told;
  const { elementsOffset, elementSize } = Struct.typeOf(struct) as FlexStructType;
  return elementsOffset + told * elementSize;
}

/** Refuses a shorter struct: the kernel would access memory behind it. */
function longEnough(ioctl: Ioctl, struct: Struct, needed: number): void {
  const { length } = Struct.bytesOf(struct);
  if (length >= needed) return;
  throw new KvmError(
    'ERR_KVM_OUT_OF_RANGE',
    `${ioctl.name} uses ${needed} bytes of struct ${Struct.typeOf(struct)?.cName}, and this one has ${length}`,
    { ioctl: ioctl.name },
  );
}
