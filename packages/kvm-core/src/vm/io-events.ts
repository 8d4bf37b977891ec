import type { KvmCoalescedMmioZone } from '../abi/x86/structs.js';
import { KvmError } from '../errors/kvm-error.js';
import { KvmFd } from '../ioctl/kvm-fd.js';
import { boolean, integer, u32, u64 } from '../struct/check.js';
import { optionsOf } from '../struct/options.js';
import { Epoll } from './epoll.js';
import { EventFd } from './event-fd.js';

/** An address or port that signals an eventfd when the guest writes to it. */
export interface IoeventfdConfig {
  eventfd: EventFd;
  /** The guest-physical address, or with `IoeventfdFlag.Pio` the port. */
  addr: bigint;
  /** The length in bytes of a write that signals: 1, 2, 4, 8, or 0 for any length. 0 needs Cap.IoeventfdAnyLength. */
  len: number;
  /** The only value that signals. Default: any value. Not with a `len` of 0. */
  datamatch?: bigint;
  /** Flags of `IoeventfdFlag`. Default: 0. */
  flags?: number;
}

/** Addresses or ports whose writes are coalesced. */
export interface CoalescedZone {
  /** The guest-physical address, or the port. */
  addr: bigint;
  /** The number of bytes or ports. */
  size: number;
  /** True for ports. Default: false. Cap.CoalescedPio. */
  pio?: boolean;
}

/** Writes to ports and unbacked memory that cause no vCPU exit. */
export abstract class VmIoEvents extends KvmFd<'vm'> {
  /** Creates an eventfd for this VM, in any thread that has it; as `kvm.createEventFd` does. */
  createEventFd(initial = 0): EventFd {
    return EventFd.create(this.opened(), initial);
  }

  /** Creates an `Epoll`, to wait for eventfds and other descriptors in this thread. */
  createEpoll(): Epoll {
    return Epoll.create(this.opened());
  }

  /**
   * Makes the guest's writes to an address or port signal an eventfd instead of causing an exit.
   * `IoeventfdFlag.Deassign` with otherwise the same configuration ends this. Writes that do not match still cause an
   * exit. KVM_IOEVENTFD, api.rst 4.59. Cap.Ioeventfd.
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
      throw new KvmError('ERR_KVM_OUT_OF_RANGE', `datamatch ${value} does not fit a write of ${len} bytes`);
    }
    if (len === 0) this.requireCapability(this.abi.Cap.IoeventfdAnyLength, 'a doorbell for writes of any length');
    const target = { addr: u64(addr, 'addr'), len, datamatch: value };
    this.write(KVM_IOEVENTFD, { ...target, fd, flags: flags | matching });
  }

  /**
   * Collects the guest's writes to some addresses or ports in a ring instead of causing exits: `vcpu.coalescedRing`.
   * KVM_REGISTER_COALESCED_MMIO, api.rst 4.116. Cap.CoalescedMmio, and for ports Cap.CoalescedPio.
   */
  registerCoalescedMmio(zone: CoalescedZone): void {
    this.write(this.abi.KVM_REGISTER_COALESCED_MMIO, this.zone(zone));
  }

  /**
   * Removes every zone within these addresses or ports. KVM_UNREGISTER_COALESCED_MMIO, api.rst 4.116.
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
