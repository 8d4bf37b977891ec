import { type IoAccess, KvmError, KvmRunIo } from '@kvm/core';
import { integer } from '@kvm/core/struct';
import { checkDevice } from './device.js';
import { RangeMap } from './range-map.js';

/** A device behind ports. `offset` counts from its first port; an access is 1, 2 or 4 bytes wide. */
export interface PioDevice {
  /** What the guest reads: a whole number below 2^(8 * size). */
  read(offset: number, size: number): number;
  write(offset: number, size: number, value: number): void;
}

const ports = 0x1_0000;

/**
 * The ports of a machine, and who answers at them.
 *
 * An access belongs to the device that has all its ports. One that belongs to nobody is no error, as on real hardware: it reads
 * all ones, or is lost, and is counted.
 */
export class PioBus {
  readonly #devices = new RangeMap<PioDevice>();
  #unclaimedReads = 0;
  #unclaimedWrites = 0;

  /** Gives `length` ports from `port` on to a device. Throws `KvmError` when they are not ports, or some are taken. */
  attach(port: number, length: number, device: PioDevice): void {
    integer(port, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, 'port');
    integer(length, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, 'length');
    if (port < 0 || length < 1 || port + length > ports) {
      throw new KvmError('ERR_KVM_OUT_OF_RANGE', `ports lie from 0 to 0xffff: there are no ${length} from ${port} on`);
    }
    checkDevice(device);
    this.#devices.add({ start: port, end: port + length, device }, 'the range of ports');
  }

  /** Element reads that no device answered. */
  get unclaimedReads(): number {
    return this.#unclaimedReads;
  }

  /** Element writes that no device took. */
  get unclaimedWrites(): number {
    return this.#unclaimedWrites;
  }

  /** One read of 1, 2 or 4 bytes. */
  read(port: number, size: number): number {
    const claim = this.#devices.find(port, size);
    if (claim === undefined) {
      this.#unclaimedReads++;
      return size === 1 ? 0xff : size === 2 ? 0xffff : 0xffff_ffff;
    }
    return claim.device.read(port - claim.start, size);
  }

  /** One write of 1, 2 or 4 bytes. */
  write(port: number, size: number, value: number): void {
    const claim = this.#devices.find(port, size);
    if (claim === undefined) this.#unclaimedWrites++;
    else claim.device.write(port - claim.start, size, value);
  }

  /** All elements of a port I/O exit, in order: a string instruction has several. */
  dispatch(io: IoAccess): void {
    if (!(io instanceof KvmRunIo)) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'dispatch takes exit.io');
    const { port, size, count, isWrite } = io;
    for (let i = 0; i < count; i++) {
      if (isWrite) this.write(port, size, io.element(i));
      else io.setElement(i, this.read(port, size));
    }
  }
}
