import { KvmError } from '@kvm/core';
import { integer } from '@kvm/core/struct';
import { InterruptLine } from './interrupt-line.js';

/** Checks of what a device is constructed with, and of the states that it loads. */

export function checkFunction(value: unknown, what: string): void {
  if (typeof value !== 'function') throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${what} must be a function`);
}

export function checkLine(line: unknown): void {
  if (line instanceof InterruptLine) return;
  throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'line must be an InterruptLine');
}

/** A whole number that has no other bits than those of `mask`. */
export function bits(value: number, mask: number, what: string): number {
  integer(value, 0, mask, what);
  if ((value & ~mask) !== 0) {
    throw new KvmError('ERR_KVM_OUT_OF_RANGE', `${what} must have no other bits than those of 0x${mask.toString(16)}`);
  }
  return value;
}

/** A whole number that differs from another one in no bit of a mask. */
export function fixedBits(value: number, from: number, mask: number, what: string): number {
  if (((value ^ from) & mask) === 0) return value;
  throw new KvmError('ERR_KVM_OUT_OF_RANGE', `${what} cannot be 0x${value.toString(16)}: some of its bits are fixed`);
}
