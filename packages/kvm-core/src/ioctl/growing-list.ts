import { constants } from 'node:os';
import type { FdKind } from '../abi/ioctl.js';
import { FlexStruct, type FlexStructType } from '../struct/flex.js';
import type { StructIoctl } from './argument.js';
import { refusal } from './capabilities.js';
import type { Descriptor } from './descriptor.js';

const { E2BIG } = constants.errno;

/**
 * Elements: more CPUID leaves than KVM has. A second call costs more than the bytes do: CPUID takes the kernel 300 us.
 */
const firstRoom = 256;

/** An ioctl that fills a list of unknown length: the room grows until the kernel no longer says E2BIG. */
export function readGrowingList<T extends FlexStruct>(descriptor: Descriptor, kind: FdKind, ioctl: StructIoctl<T>): T {
  const type = ioctl.argument.type as unknown as FlexStructType<T>;
  for (let room = firstRoom; ; room *= 2) {
    const list = FlexStruct.withCapacity.call(type as never, room) as T;
    const result = descriptor.ioctl(ioctl.request, descriptor.addressOf(list));
    if (result >= 0) return list;
    if (result !== -E2BIG) throw refusal(descriptor, kind, ioctl, -result);
  }
}
