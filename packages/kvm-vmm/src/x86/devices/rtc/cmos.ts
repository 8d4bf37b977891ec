import { integer } from '@kvm/core/struct';
import { Cmos, cmosSize, RegisterA, RegisterB } from './registers.js';

const kib = 2 ** 10;
const mib = 2 ** 20;
const unit = 64 * kib;

/** The CMOS memory of a machine that was never set up, with the sizes of its RAM in bytes. */
export function cmosOf(memoryBelow4GiB: number, memoryAbove4GiB: number): Uint8Array {
  integer(memoryBelow4GiB, 0, 2 ** 32, 'memoryBelow4GiB');
  integer(memoryAbove4GiB, 0, Number.MAX_SAFE_INTEGER, 'memoryAbove4GiB');
  const cmos = new Uint8Array(cmosSize);
  // The rate that firmware leaves: 1024 Hz.
  cmos[Cmos.RegisterA] = RegisterA.Running | 0x06;
  cmos[Cmos.RegisterB] = RegisterB.Hours24;
  const put = (offset: number, bytes: number, units: number): void => {
    let rest = Math.min(Math.max(Math.floor(units), 0), 256 ** bytes - 1);
    for (let i = 0; i < bytes; i++, rest = Math.floor(rest / 256)) cmos[offset + i] = rest % 256;
  };
  put(Cmos.BaseMemory, 2, Math.min(memoryBelow4GiB / kib, 640));
  put(Cmos.ExtendedMemory, 2, (memoryBelow4GiB - mib) / kib);
  put(Cmos.ExtendedMemoryFound, 2, (memoryBelow4GiB - mib) / kib);
  put(Cmos.MemoryAbove16MiB, 2, (memoryBelow4GiB - 16 * mib) / unit);
  put(Cmos.MemoryAbove4GiB, 3, memoryAbove4GiB / unit);
  return cmos;
}
