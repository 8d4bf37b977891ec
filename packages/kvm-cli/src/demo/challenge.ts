import { KvmError } from '@kvm/core';
import { type BusRange, checkVersion, type Device } from '@kvm/vmm';

/** The registers, 64 bits each, by their offsets. */
const Register = { A: 0x00, B: 0x08, Result: 0x10, Verdict: 0x18 } as const;

const registersLength = 0x20;
const rounds = 16n;

/** The operands that the device gives its guest. */
export interface Operands {
  readonly a: bigint;
  readonly b: bigint;
}

/** The host's verdict on the guest's result. */
export type Verdict = 'none' | 'right' | 'wrong';

const verdictValues: Readonly<Record<Verdict, number>> = { none: 0, right: 1, wrong: 2 };

/** What the rounds make of a and b. */
export function expectedResult({ a, b }: Operands): bigint {
  let x = a;
  for (let i = 1n; i <= rounds; i++) x = BigInt.asUintN(64, x * b + i);
  return x;
}

export function verdictOn(result: bigint | undefined, operands: Operands): Verdict {
  if (result === undefined) return 'none';
  return result === expectedResult(operands) ? 'right' : 'wrong';
}

export interface ChallengeState {
  readonly version: 1;
  /** The low half of the result register. */
  readonly resultLow: number;
  /** The last complete result, in hexadecimal; null before there is one. */
  readonly result: string | null;
}

/**
 * The device of the demo. It gives the guest two numbers, a and b, and verifies the result of 16 rounds of x = x * b +
 * i in 64 bits, i from 1 on, starting with x = a.
 *
 * Registers of 8 bytes, little-endian, readable in any part: a at 0x00, b at 0x08, the result at 0x10, the verdict at
 * 0x18: 0 before there is a result, 1 right, 2 wrong. A result is complete when its high half is written after its low
 * half, as a 64-bit write does.
 */
export class Challenge implements Device {
  readonly name = 'challenge';
  readonly ranges: readonly BusRange[] = [{ bus: 'mmio', start: 0xd000_0000n, length: BigInt(registersLength) }];
  readonly a: bigint;
  readonly b: bigint;
  readonly #registers = new DataView(new ArrayBuffer(registersLength));
  #result: bigint | undefined;

  readonly #report: (result: bigint) => void;

  /**
   * @param a a number of 64 bits.
   * @param b another one.
   * @param report called with each result of the guest.
   */
  constructor(a: bigint, b: bigint, report: (result: bigint) => void = () => {}) {
    this.a = a;
    this.b = b;
    this.#report = report;
    this.#registers.setBigUint64(Register.A, a, true);
    this.#registers.setBigUint64(Register.B, b, true);
  }

  /** The right result. */
  get expected(): bigint {
    return expectedResult(this);
  }

  /** The guest's last result. */
  get result(): bigint | undefined {
    return this.#result;
  }

  get verdict(): Verdict {
    return verdictOn(this.#result, this);
  }

  read(offset: number, size: number): number {
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = value * 256 + this.#registers.getUint8(offset + i);
    return value;
  }

  write(offset: number, size: number, value: number): void {
    if (size !== 4 || (offset !== Register.Result && offset !== Register.Result + 4)) return;
    this.#registers.setUint32(offset, value, true);
    if (offset === Register.Result) return;
    const result = this.#registers.getBigUint64(Register.Result, true);
    this.#complete(result);
    this.#report(result);
  }

  save(): ChallengeState {
    return {
      version: 1,
      resultLow: this.#registers.getUint32(Register.Result, true),
      result: this.#result === undefined ? null : `0x${this.#result.toString(16)}`,
    };
  }

  load(state: ChallengeState): void {
    checkVersion(state, 1, this.name);
    const { resultLow, result } = state;
    if (!Number.isInteger(resultLow) || !(result === null || /^0x[0-9a-f]{1,16}$/.test(result))) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'the state of challenge has a result that is no 64-bit number');
    }
    this.#complete(result === null ? undefined : BigInt(result));
    this.#registers.setUint32(Register.Result, resultLow, true);
  }

  #complete(result: bigint | undefined): void {
    this.#result = result;
    this.#registers.setBigUint64(Register.Result, result ?? 0n, true);
    this.#registers.setUint32(Register.Verdict, verdictValues[this.verdict], true);
  }
}
