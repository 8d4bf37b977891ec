import type { KvmCoalescedMmioZone } from '../abi/x86/structs.js';
import { KvmError } from '../errors/kvm-error.js';
import { KvmFd } from '../ioctl/kvm-fd.js';
import { boolean, integer, u32, u64 } from '../struct/check.js';
import { optionsOf } from '../struct/options.js';
import { EventFd } from './event-fd.js';

/** A place that signals an eventfd when the guest writes to it. */
export interface IoeventfdConfig {
  eventfd: EventFd;
  /** The guest-physical address, or with `IoeventfdFlag.Pio` the port. */
  addr: bigint;
  /** Bytes of a write that signals: 1, 2, 4, 8, or 0 for a write of any length. Cap.IoeventfdAnyLength for 0. */
  len: number;
  /** The only value that signals; any, when left out. Not with a `len` of 0. */
  datamatch?: bigint;
  /** Of `IoeventfdFlag`; 0. */
  flags?: number;
}

/** Addresses or ports that the guest's writes to may wait. */
export interface CoalescedZone {
  /** The guest-physical address, or the port. */
  addr: bigint;
  /** Bytes, or ports. */
  size: number;
  /** Whether they are ports; false. Cap.CoalescedPio. */
  pio?: boolean;
}

/** Writes to ports and to memory without backing for which no vCPU leaves the guest. */
export abstract class VmIoEvents extends KvmFd<'vm'> {
  /**
   * Has the guest's writes to an address or a port signal an eventfd, and no vCPU leave for them; or, with
   * `IoeventfdFlag.Deassign` and all else as it was, no longer. What else is written there is an exit as ever.
   * KVM_IOEVENTFD, api.rst 4.59. Cap.Ioeventfd.
   */
  ioeventfd(config: IoeventfdConfig): void {
    const {
      eventfd,
      addr,
      len,
      datamatch,
      flags = 0,
    } = optionsOf(config, 'a doorbell', ['eventfd', 'addr', 'len', 'datamatch', 'flags']);
    const fd = EventFd.descriptorOf(eventfd, 'eventfd');
    const { KVM_IOEVENTFD, IoeventfdFlag } = this.abi;
    if (![0, 1, 2, 4, 8].includes(integer(len, 0, 8, 'len'))) {
      throw new KvmError('ERR_KVM_OUT_OF_RANGE', `len must be 0, 1, 2, 4 or 8, not ${len}`);
    }
    const matching = datamatch === undefined ? 0 : IoeventfdFlag.Datamatch;
    if ((u32(flags, 'flags') & IoeventfdFlag.Datamatch & ~matching) !== 0) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'IoeventfdFlag.Datamatch needs a value in datamatch');
    }
    const value = u64(datamatch ?? 0n, 'datamatch');
    if (matching !== 0 && value >> BigInt(8 * len) !== 0n) {
      throw new KvmError('ERR_KVM_OUT_OF_RANGE', `no write of ${len} bytes has the value ${value}`);
    }
    if (len === 0) this.requireCapability(this.abi.Cap.IoeventfdAnyLength, 'a doorbell for writes of any length');
    const place = { addr: u64(addr, 'addr'), len, datamatch: value };
    this.write(KVM_IOEVENTFD, { ...place, fd, flags: flags | matching });
  }

  /**
   * Lets the guest's writes to some addresses or ports wait in a ring instead of making it leave: `vcpu.coalescedRing`.
   * KVM_REGISTER_COALESCED_MMIO, api.rst 4.116. Cap.CoalescedMmio, and for ports Cap.CoalescedPio.
   */
  registerCoalescedMmio(zone: CoalescedZone): void {
    this.write(this.abi.KVM_REGISTER_COALESCED_MMIO, this.zone(zone));
  }

  /**
   * Ends this for every zone that lies within these addresses or ports. KVM_UNREGISTER_COALESCED_MMIO, api.rst 4.116.
   * Cap.CoalescedMmio.
   */
  unregisterCoalescedMmio(zone: CoalescedZone): void {
    this.write(this.abi.KVM_UNREGISTER_COALESCED_MMIO, this.zone(zone));
  }

  private zone(zone: CoalescedZone): Pick<KvmCoalescedMmioZone, 'addr' | 'size' | 'pio'> {
    const { addr, size, pio = false } = optionsOf(zone, 'a zone of coalesced writes', ['addr', 'size', 'pio']);
    if (boolean(pio, 'pio')) this.requireCapability(this.abi.Cap.CoalescedPio, 'a zone of ports');
    return { addr: u64(addr, 'addr'), size: integer(size, 1, 0xffff_ffff, 'size'), pio };
  }
}
