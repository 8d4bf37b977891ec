import { KvmError } from '@kvm/core';
import { integer } from '@kvm/core/struct';

/** Bytes of one access to a register. */
export type AccessSize = 1 | 2 | 4;

/**
 * What answers the accesses to a range of a bus. Both buses make the same calls: an MMIO access of another size than 1,
 * 2 or 4 bytes arrives as several accesses, the lowest address first.
 */
export interface Registers {
  /**
   * Returns what the guest reads: a whole number below 2^(8 * size).
   *
   * @param offset bytes from the start of the range. The whole access lies in the range; it need not be aligned.
   * @param range the index of the range in `Device.ranges`; 0 for a device with one range.
   */
  read(offset: number, size: AccessSize, range: number): number;
  /** Takes what the guest writes: a whole number below 2^(8 * size). */
  write(offset: number, size: AccessSize, value: number, range: number): void;
}

/** Throws unless a bus can call these registers. */
export function checkRegisters(registers: unknown): void {
  const { read, write } = (registers ?? {}) as { read?: unknown; write?: unknown };
  if (typeof read !== 'function' || typeof write !== 'function') {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'a device must have the methods read and write');
  }
}

/** What the guest reads where no device answers. */
export function allOnes(size: AccessSize): number {
  return size === 1 ? 0xff : size === 2 ? 0xffff : 0xffff_ffff;
}

/** The value of `size` bytes, the lowest first. */
export function valueAt(data: Uint8Array, at: number, size: AccessSize): number {
  let value = 0;
  for (let i = size - 1; i >= 0; i--) value = value * 256 + (data[at + i] as number);
  return value;
}

/** Puts what a device has answered into `size` bytes, the lowest first. */
export function setValueAt(data: Uint8Array, at: number, size: AccessSize, value: number): void {
  integer(value, 0, allOnes(size), 'what a guest reads');
  for (let i = 0; i < size; i++) data[at + i] = value >>> (8 * i);
}
