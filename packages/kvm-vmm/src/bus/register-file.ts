import { KvmError } from '@kvm/core';
import { integer } from '@kvm/core/struct';
import { type AccessSize, allOnes, type Registers } from './registers.js';

/** A register of a device: where it is, and what an access to it does. */
export interface Register {
  /** Its name in the data sheet. */
  readonly name: string;
  /** Bytes from the start of the range. */
  readonly offset: number;
  /** Bytes. */
  readonly size: AccessSize;
  /** Returns the value, a whole number below 2^(8 * size). Without it, the register is write-only. */
  readonly read?: () => number;
  /**
   * Takes what the guest writes. `mask` has the bits that the access covers: all of them, unless the access is narrower
   * than the register. The other bits of `value` are 0. Without it, the register is read-only.
   */
  readonly write?: (value: number, mask: number) => void;
  /** Answers only an access of exactly its offset and size. Any other access at its bytes finds what else is there. */
  readonly whole?: boolean;
}

/** The registers of one range, by direction. */
interface Table {
  readonly whole: readonly Register[];
  /** The register at each byte. */
  readonly bytes: readonly (Register | undefined)[];
}

/**
 * Registers described by tables, one for each range of the device.
 *
 * An access is split at the boundaries of registers, the lowest offset first, and may cover a part of one. Where
 * nothing answers, reads are all ones and writes are ignored. A read-only and a write-only register may share an
 * offset.
 */
export class RegisterFile implements Registers {
  readonly #readable: readonly Table[];
  readonly #writable: readonly Table[];

  /** @throws KvmError `ERR_KVM_INVALID_ARGUMENT` or `ERR_KVM_OUT_OF_RANGE` for a wrong table. */
  constructor(...ranges: readonly (readonly Register[])[]) {
    this.#readable = ranges.map((registers) => tableOf(registers, 'read'));
    this.#writable = ranges.map((registers) => tableOf(registers, 'write'));
  }

  read(offset: number, size: AccessSize, range = 0): number {
    const table = this.#readable[range] as Table;
    const whole = find(table, offset, size);
    if (whole?.read !== undefined) return whole.read();
    let value = 0;
    for (let done = 0; done < size; ) {
      const at = offset + done;
      const register = table.bytes[at];
      if (register?.read === undefined) {
        value |= 0xff << (8 * done);
        done++;
        continue;
      }
      const skipped = at - register.offset;
      const count = Math.min(register.size - skipped, size - done);
      value |= ((register.read() >>> (8 * skipped)) & ones(count)) << (8 * done);
      done += count;
    }
    return value >>> 0;
  }

  write(offset: number, size: AccessSize, value: number, range = 0): void {
    const table = this.#writable[range] as Table;
    const whole = find(table, offset, size);
    if (whole?.write !== undefined) {
      whole.write(value, allOnes(size));
      return;
    }
    for (let done = 0; done < size; ) {
      const at = offset + done;
      const register = table.bytes[at];
      if (register?.write === undefined) {
        done++;
        continue;
      }
      const skipped = at - register.offset;
      const count = Math.min(register.size - skipped, size - done);
      const part = (value >>> (8 * done)) & ones(count);
      register.write((part << (8 * skipped)) >>> 0, (ones(count) << (8 * skipped)) >>> 0);
      done += count;
    }
  }
}

function tableOf(registers: readonly Register[], direction: 'read' | 'write'): Table {
  if (!Array.isArray(registers)) throw invalid('a RegisterFile takes arrays of registers');
  const bytes: (Register | undefined)[] = [];
  const whole: Register[] = [];
  for (const register of registers as readonly Register[]) {
    if (typeof register !== 'object' || register === null) throw invalid('a register must be an object');
    const { name, offset, size, [direction]: access } = register;
    integer(offset, 0, 0xffff, `the offset of ${name}`);
    if (size !== 1 && size !== 2 && size !== 4) throw invalid(`the size of ${name} must be 1, 2 or 4`);
    if (access === undefined) continue;
    if (typeof access !== 'function') throw invalid(`${direction} of ${name} must be a function`);
    if (register.whole === true) {
      if (whole.some((other) => other.offset === offset && other.size === size))
        throw invalid(`${name} overlaps another`);
      whole.push(register);
      continue;
    }
    for (let at = offset; at < offset + size; at++) {
      if (bytes[at] !== undefined) throw invalid(`the register ${name} overlaps ${bytes[at]?.name}`);
      bytes[at] = register;
    }
  }
  return { whole, bytes };
}

function find({ whole }: Table, offset: number, size: AccessSize): Register | undefined {
  for (let i = 0; i < whole.length; i++) {
    const register = whole[i] as Register;
    if (register.offset === offset && register.size === size) return register;
  }
  return undefined;
}

/** As many bytes of ones. */
function ones(bytes: number): number {
  return 0xffff_ffff >>> (32 - 8 * bytes);
}

function invalid(message: string): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', message);
}
