import { KvmError, type MmioAccess } from '@kvm/core';
import type { MmioDevice } from '../bus/mmio-bus.js';

/** Where the demo's guest looks for the device: a guest-physical address. */
export const challengeAddress = 0xd000_0000n;
/** Bytes. */
export const challengeLength = 0x20n;

/** The registers, 64 bits each, by their offsets. */
const Register = { A: 0x00, B: 0x08, Result: 0x10, Verdict: 0x18 } as const;

const rounds = 16n;

/** What the host thinks of the guest's result. */
export type Verdict = 'none' | 'right' | 'wrong';

const verdictValues: Readonly<Record<Verdict, bigint>> = { none: 0n, right: 1n, wrong: 2n };

/**
 * A device that has the guest do arithmetic and checks it: it gives two numbers, a and b, and takes the result of 16 rounds of
 * x = x * b + i in 64 bits, i from 1 on, that start with x = a.
 *
 * Registers of 8 bytes, little-endian, readable in any part: a at 0x00, b at 0x08, the result at 0x10 (write all 8 bytes at
 * once), the verdict at 0x18: 0 before there is a result, 1 right, 2 wrong.
 */
export class Challenge implements MmioDevice {
  readonly a: bigint;
  readonly b: bigint;
  #result: bigint | undefined;

  /** Two numbers of 64 bits; what is above is cut. */
  constructor(a: bigint, b: bigint) {
    if (typeof a !== 'bigint' || typeof b !== 'bigint') {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'the numbers of a Challenge must be bigints');
    }
    this.a = BigInt.asUintN(64, a);
    this.b = BigInt.asUintN(64, b);
  }

  /** What the guest has to write. */
  get expected(): bigint {
    let x = this.a;
    for (let i = 1n; i <= rounds; i++) x = BigInt.asUintN(64, x * this.b + i);
    return x;
  }

  /** What the guest wrote last. */
  get result(): bigint | undefined {
    return this.#result;
  }

  get verdict(): Verdict {
    if (this.#result === undefined) return 'none';
    return this.#result === this.expected ? 'right' : 'wrong';
  }

  read(offset: number, access: MmioAccess): void {
    const within = offset % 8;
    const low = this.#register(offset - within);
    const high = within + access.len > 8 ? this.#register(offset - within + 8) : 0n;
    access.value = BigInt.asUintN(8 * access.len, ((high << 64n) | low) >> BigInt(8 * within));
  }

  write(offset: number, access: MmioAccess): void {
    if (offset === Register.Result && access.len === 8) this.#result = access.value;
  }

  #register(offset: number): bigint {
    switch (offset) {
      case Register.A:
        return this.a;
      case Register.B:
        return this.b;
      case Register.Result:
        return this.#result ?? 0n;
      default:
        return verdictValues[this.verdict];
    }
  }
}
