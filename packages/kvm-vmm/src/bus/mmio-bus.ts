import { KvmError, MmioAccess } from '@kvm/core';
import { s64 } from '@kvm/core/struct';
import { type Claim, RangeMap } from './range-map.js';
import { type AccessSize, checkRegisters, type Registers, setValueAt, valueAt } from './registers.js';

/** No x86 processor has more physical addresses. */
const addressCount = 2n ** 52n;

/**
 * The guest-physical addresses of a machine that are not memory.
 *
 * An access goes to the device whose range contains all its bytes. Without one it is unclaimed, which is no error: a
 * read returns all ones, a write is ignored, and both are counted.
 *
 * KVM reports accesses of up to 8 bytes, of any length. The bus splits them into accesses of 4, 2 and 1 bytes, the
 * lowest address first, so that devices need no 64-bit numbers.
 */
export class MmioBus {
  readonly #claims = new RangeMap<Registers>();
  #unclaimedReads = 0;
  #unclaimedWrites = 0;

  /**
   * Claims `length` bytes from a guest-physical address on.
   *
   * @param range what the registers are passed as `range`; 0.
   * @throws KvmError `ERR_KVM_OUT_OF_RANGE` for addresses of more than 52 bits, `ERR_KVM_INVALID_ARGUMENT` when an
   *   address is claimed already, or for registers without `read` and `write`.
   */
  attach(guestPhysAddr: bigint, length: bigint, registers: Registers, range = 0): void {
    s64(guestPhysAddr, 'guestPhysAddr');
    s64(length, 'length');
    if (guestPhysAddr < 0n || length < 1n || guestPhysAddr + length > addressCount) {
      throw new KvmError(
        'ERR_KVM_OUT_OF_RANGE',
        `guest-physical addresses have 52 bits: there are no ${length} bytes from 0x${guestPhysAddr.toString(16)} on`,
      );
    }
    checkRegisters(registers);
    const start = Number(guestPhysAddr);
    const end = Number(guestPhysAddr + length);
    this.#claims.add({ start, end, owner: registers, range }, 'the range of guest-physical addresses');
  }

  /** How many reads were unclaimed. */
  get unclaimedReads(): number {
    return this.#unclaimedReads;
  }

  /** How many writes were unclaimed. */
  get unclaimedWrites(): number {
    return this.#unclaimedWrites;
  }

  /** Answers an MMIO exit: `exit.mmio`. */
  dispatch(mmio: MmioAccess): void {
    if (!(mmio instanceof MmioAccess)) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'dispatch takes exit.mmio');
    this.access(mmio.address, mmio.data, mmio.isWrite);
  }

  /** Answers one access to `data.length` bytes: writes them, or reads into them. */
  access(address: number, data: Uint8Array, isWrite: boolean): void {
    const claim = this.#claims.find(address, data.length);
    if (claim === undefined) {
      if (isWrite) this.#unclaimedWrites++;
      else this.#unclaimedReads++;
      if (!isWrite) data.fill(0xff);
      return;
    }
    for (let done = 0; done < data.length; ) {
      const size = pieceSize(data.length - done);
      access(claim, address - claim.start + done, size, data, done, isWrite);
      done += size;
    }
  }
}

function pieceSize(bytes: number): AccessSize {
  return bytes >= 4 ? 4 : bytes >= 2 ? 2 : 1;
}

function access(
  { owner, range }: Claim<Registers>,
  offset: number,
  size: AccessSize,
  data: Uint8Array,
  at: number,
  isWrite: boolean,
): void {
  if (isWrite) owner.write(offset, size, valueAt(data, at, size), range);
  else setValueAt(data, at, size, owner.read(offset, size, range));
}
