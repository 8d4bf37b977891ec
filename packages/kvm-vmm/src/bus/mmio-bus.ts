import { KvmError, MmioAccess } from '@kvm/core';
import { s64 } from '@kvm/core/struct';
import { checkDevice } from './device.js';
import { RangeMap } from './range-map.js';

/**
 * A device behind guest-physical memory. `offset` counts from its first address; the access is of `len` bytes, up to 8, and
 * carries its data.
 */
export interface MmioDevice {
  /** Puts what the guest reads into `access`, as `value`, `value32` or `data`. */
  read(offset: number, access: MmioAccess): void;
  write(offset: number, access: MmioAccess): void;
}

/** No x86 processor has more physical addresses. */
const addresses = 2n ** 52n;

/**
 * The guest-physical addresses of a machine that are not memory, and who answers at them.
 *
 * An access belongs to the device that has all its bytes. One that belongs to nobody is no error: it reads all ones, or is lost,
 * and is counted.
 */
export class MmioBus {
  readonly #devices = new RangeMap<MmioDevice>();
  #unclaimedReads = 0;
  #unclaimedWrites = 0;

  /** Gives `length` bytes from a guest-physical address on to a device. Throws `KvmError` when some of them are taken. */
  attach(guestPhysAddr: bigint, length: bigint, device: MmioDevice): void {
    s64(guestPhysAddr, 'guestPhysAddr');
    s64(length, 'length');
    if (guestPhysAddr < 0n || length < 1n || guestPhysAddr + length > addresses) {
      throw new KvmError(
        'ERR_KVM_OUT_OF_RANGE',
        `guest-physical addresses have 52 bits: there are no ${length} bytes from 0x${guestPhysAddr.toString(16)} on`,
      );
    }
    checkDevice(device);
    const claim = { start: Number(guestPhysAddr), end: Number(guestPhysAddr + length), device };
    this.#devices.add(claim, 'the range of guest-physical addresses');
  }

  /** Reads that no device answered. */
  get unclaimedReads(): number {
    return this.#unclaimedReads;
  }

  /** Writes that no device took. */
  get unclaimedWrites(): number {
    return this.#unclaimedWrites;
  }

  /** One MMIO exit. */
  dispatch(mmio: MmioAccess): void {
    if (!(mmio instanceof MmioAccess)) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'dispatch takes exit.mmio');
    const { address } = mmio;
    const claim = this.#devices.find(address, mmio.len);
    if (mmio.isWrite) {
      if (claim === undefined) this.#unclaimedWrites++;
      else claim.device.write(address - claim.start, mmio);
    } else if (claim === undefined) {
      this.#unclaimedReads++;
      mmio.data.fill(0xff);
    } else {
      claim.device.read(address - claim.start, mmio);
    }
  }
}
