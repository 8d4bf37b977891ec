import { type IoAccess, KvmError, KvmRunIo } from '@kvm/core';
import { integer } from '@kvm/core/struct';
import { RangeMap } from './range-map.js';
import { type AccessSize, allOnes, checkRegisters, type Registers, setValueAt, valueAt } from './registers.js';

/** An x86 machine has as many ports. */
const portCount = 0x1_0000;

/**
 * The I/O ports of a machine.
 *
 * An access goes to the device whose range contains all its ports. Without one it is unclaimed, which is no error, as
 * on real hardware: a read returns all ones, a write is ignored, and both are counted.
 */
export class PioBus {
  readonly #claims = new RangeMap<Registers>();
  #unclaimedReads = 0;
  #unclaimedWrites = 0;

  /**
   * Claims `length` ports from `port` on.
   *
   * @param range what the registers are passed as `range`; 0.
   * @throws KvmError `ERR_KVM_OUT_OF_RANGE` for numbers that are not ports, `ERR_KVM_INVALID_ARGUMENT` when a port is
   *   claimed already, or for registers without `read` and `write`.
   */
  attach(port: number, length: number, registers: Registers, range = 0): void {
    integer(port, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, 'port');
    integer(length, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, 'length');
    if (port < 0 || length < 1 || port + length > portCount) {
      throw new KvmError('ERR_KVM_OUT_OF_RANGE', `ports are 0 to 0xffff: there are no ${length} from ${port} on`);
    }
    checkRegisters(registers);
    this.#claims.add({ start: port, end: port + length, owner: registers, range }, 'the port range');
  }

  /** How many reads were unclaimed. A string instruction counts once for each of its elements. */
  get unclaimedReads(): number {
    return this.#unclaimedReads;
  }

  /** How many writes were unclaimed. A string instruction counts once for each of its elements. */
  get unclaimedWrites(): number {
    return this.#unclaimedWrites;
  }

  /** Reads 1, 2 or 4 bytes. */
  read(port: number, size: AccessSize): number {
    const claim = this.#claims.find(port, size);
    if (claim === undefined) {
      this.#unclaimedReads++;
      return allOnes(size);
    }
    return claim.owner.read(port - claim.start, size, claim.range);
  }

  /** Writes 1, 2 or 4 bytes. */
  write(port: number, size: AccessSize, value: number): void {
    const claim = this.#claims.find(port, size);
    if (claim === undefined) this.#unclaimedWrites++;
    else claim.owner.write(port - claim.start, size, value, claim.range);
  }

  /** Answers a port I/O exit: `exit.io`. A string instruction has several elements, which are answered in order. */
  dispatch(io: IoAccess): void {
    if (!(io instanceof KvmRunIo)) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'dispatch takes exit.io');
    const { port, count, isWrite } = io;
    const size = io.size as AccessSize;
    for (let i = 0; i < count; i++) {
      if (isWrite) this.write(port, size, io.element(i));
      else io.setElement(i, this.read(port, size));
    }
  }

  /** Answers `count` accesses to a port in order. Their values lie one after the other in `data`, little-endian. */
  access(port: number, size: AccessSize, count: number, data: Uint8Array, isWrite: boolean): void {
    for (let at = 0; at < size * count; at += size) {
      if (isWrite) this.write(port, size, valueAt(data, at, size));
      else setValueAt(data, at, size, this.read(port, size));
    }
  }
}
