import { GuestMemory, KvmError, Vm } from '@kvm/core';
import { integer } from '@kvm/core/struct';

/** Guest-physical addresses from here to 4 GiB belong to devices. */
const deviceHole = 0xc000_0000n;
const deviceHoleEnd = 0x1_0000_0000n;

/** The end of the memory that begins at address 0, for a guest with `size` bytes in all. */
export function lowMemoryEnd(size: number): bigint {
  integer(size, 0, Number.MAX_SAFE_INTEGER, "the size of a guest's memory, in bytes,");
  return BigInt(Math.min(size, Number(deviceHole)));
}

/** A part of the guest's memory that is contiguous in its address space and in one window of the `GuestMemory`. */
interface Piece {
  readonly guestPhysAddr: bigint;
  readonly offset: number;
  readonly size: number;
}

/**
 * Maps memory as x86 machines have it: up to 3 GiB from address 0 on, the rest from 4 GiB on. Uses the slots from 0 on.
 */
export function mapRam(vm: Vm, memory: GuestMemory): void {
  if (!(vm instanceof Vm)) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'vm must be a Vm');
  checkMemory(memory);
  let slot = 0;
  for (const piece of layOut(memory.size, memory.windowSize)) {
    vm.setUserMemoryRegion({ slot: slot++, memory, ...piece });
  }
}

export function checkMemory(memory: unknown): void {
  if (!(memory instanceof GuestMemory)) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'memory must be a GuestMemory');
}

/** The pieces of a memory, in order of their addresses. */
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

/**
 * The offset in a memory of `size` bytes at which `length` bytes from a guest-physical address on lie, as `mapRam` maps
 * it; undefined where they are not all memory. Addresses come from the guest: anything may be in them.
 */
export function ramOffset(guestPhysAddr: number, length: number, size: number): number | undefined {
  const low = Math.min(size, Number(deviceHole));
  if (!(guestPhysAddr >= 0 && length >= 0)) return undefined;
  if (guestPhysAddr + length <= low) return guestPhysAddr;
  const offset = guestPhysAddr - Number(deviceHoleEnd) + low;
  return low < size && offset >= low && offset + length <= size ? offset : undefined;
}
