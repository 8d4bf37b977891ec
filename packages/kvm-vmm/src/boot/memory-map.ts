import { GuestMemory, KvmError, Vm } from '@kvm/core';
import { integer } from '@kvm/core/struct';

/** Guest-physical addresses from here to 4 GiB belong to devices. */
const deviceHole = 0xc000_0000n;
const deviceHoleEnd = 0x1_0000_0000n;

/** The end of the memory that lies at address 0, when a guest has `size` bytes in all. */
export function lowMemoryEnd(size: number): bigint {
  integer(size, 0, Number.MAX_SAFE_INTEGER, "the size of a guest's memory, in bytes,");
  return BigInt(Math.min(size, Number(deviceHole)));
}

/** One piece of a guest's memory. */
interface Piece {
  readonly guestPhysAddr: bigint;
  readonly offset: number;
  readonly size: number;
}

/**
 * Gives a guest its memory as x86 machines have it: from address 0 to at most 3 GiB, and what is more from 4 GiB on. Takes slots
 * from 0 on.
 */
export function mapRam(vm: Vm, memory: GuestMemory): void {
  if (!(vm instanceof Vm)) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'vm must be a Vm');
  guestMemory(memory);
  let slot = 0;
  for (const piece of layOut(memory.size, memory.windowSize)) {
    vm.setUserMemoryRegion({ slot: slot++, memory, ...piece });
  }
}

export function guestMemory(memory: unknown): void {
  if (!(memory instanceof GuestMemory)) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'memory must be a GuestMemory');
}

/** Pieces that lie on one side of the hole, and in one window of the memory. */
export function* layOut(size: number, windowSize: number): Generator<Piece> {
  if (size <= 0 || windowSize <= 0)
    throw new KvmError('ERR_KVM_OUT_OF_RANGE', 'a guest has at least one page of memory');
  const low = Number(lowMemoryEnd(size));
  for (let offset = 0; offset < size; ) {
    const windowEnd = (Math.floor(offset / windowSize) + 1) * windowSize;
    const end = Math.min(windowEnd, offset < low ? low : size, size);
    const guestPhysAddr = offset < low ? BigInt(offset) : deviceHoleEnd + BigInt(offset - low);
    yield { guestPhysAddr, offset, size: end - offset };
    offset = end;
  }
}
