import type { KvmIrqfd } from '../abi/x86/structs.js';
import { KvmError } from '../errors/kvm-error.js';
import { Descriptor } from '../ioctl/descriptor.js';
import { KvmFd } from '../ioctl/kvm-fd.js';
import { GuestMemory, pageSize, wholePages } from '../memory/guest-memory.js';
import { bigInteger, given, integer, u32, u64 } from '../struct/check.js';
import type { StructInit } from '../struct/struct.js';
import { EventFd } from '../system/event-fd.js';
import { type GenericVcpu, type VcpuParts, vcpuParts } from '../vcpu/vcpu.js';

/** What `vm.setUserMemoryRegion` takes. */
export interface UserMemoryRegion {
  /** The slot's number; its upper 16 bits are the address space. Reusing a number moves or deletes what was there. */
  slot: number;
  /** Where the guest sees it: a guest-physical address, whole pages. */
  guestPhysAddr: bigint;
  /** The pages. Without it the slot is deleted. */
  memory?: GuestMemory;
  /** Bytes from the start of `memory`, whole pages; 0. */
  offset?: number;
  /** Bytes, whole pages; all of `memory` from `offset`. */
  size?: number;
  /** Of `MemoryFlag`; 0. */
  flags?: number;
}

/** An interrupt line that an eventfd stands for. */
export interface IrqfdConfig {
  eventfd: EventFd;
  /** The interrupt line: a pin of the interrupt controller, or what a route says. */
  gsi: number;
  /** Of `IrqfdFlag`; 0. */
  flags?: number;
  /** Signalled when the guest has acknowledged the interrupt, which is level-triggered then. Cap.IrqfdResample. */
  resample?: EventFd;
}

/** @internal What a VM is made of. */
export interface VmParts {
  readonly descriptor: Descriptor;
  /** Bytes of a vCPU that are mapped. */
  readonly mmapSize: number;
  readonly slots: Map<number, Slot>;
}

/** @internal */
export function vmParts(parent: Descriptor, fd: number, mmapSize: number): VmParts {
  const slots = new Map<number, Slot>();
  const descriptor = new Descriptor(parent.arch, parent.backend, fd, parent, () => {
    for (const { release } of slots.values()) release();
    slots.clear();
  });
  return { descriptor, mmapSize, slots };
}

/** What a VM has on every architecture. */
export abstract class GenericVm<C extends GenericVcpu = GenericVcpu> extends KvmFd<'vm'> {
  readonly kind = 'vm';
  /** The vCPUs of the architecture. */
  protected abstract readonly vcpuType: new (
    parts: VcpuParts,
  ) => C;
  readonly #mmapSize: number;
  /** The slots in use, and the pages of each, which must outlive every vCPU: the kernel knows the address alone. */
  readonly #slots: Map<number, Slot>;

  /** @internal `kvm.createVm`. */
  constructor({ descriptor, mmapSize, slots }: VmParts) {
    super(descriptor);
    this.#mmapSize = mmapSize;
    this.#slots = slots;
  }

  /**
   * What this VM says of a capability; it may say more than the host does in general. KVM_CHECK_EXTENSION, api.rst 4.4.
   * Cap.CheckExtensionVm.
   */
  checkExtension(cap: number): number {
    return this.call(this.abi.KVM_CHECK_EXTENSION, u32(cap, 'a capability'));
  }

  /**
   * A new vCPU. KVM_CREATE_VCPU, api.rst 4.7.
   *
   * @param id a number below what Cap.MaxVcpuId gives, of which each vCPU has its own; on x86 also its APIC ID.
   */
  createVcpu(id: number): C {
    this.opened();
    const limit = this.queryExtension(this.abi.Cap.MaxVcpuId) || this.queryExtension(this.abi.Cap.MaxVcpus);
    integer(id, 0, limit - 1, 'a vCPU id');
    const fd = this.call(this.abi.KVM_CREATE_VCPU, id);
    return new this.vcpuType(vcpuParts(KvmFd.descriptorOf(this), fd, id, this.#mmapSize));
  }

  /**
   * Gives the guest memory at an address, moves what a slot holds, changes its flags, or, without `memory`, deletes the slot.
   * The pages stay for as long as the slot has them. KVM_SET_USER_MEMORY_REGION, api.rst 4.35. Cap.UserMemory.
   *
   * @throws KvmError `ERR_KVM_OUT_OF_RANGE` for an address or size that is not whole pages or leaves the memory.
   */
  setUserMemoryRegion(region: UserMemoryRegion): void {
    const { slot, guestPhysAddr, memory, flags = 0, offset = 0, size } = given(region, 'a memory region');
    this.opened();
    u32(slot, 'slot');
    // The lower half counts the slots of an address space, the upper half the address spaces.
    integer(slot & 0xffff, 0, this.queryExtension(this.abi.Cap.NrMemslots) - 1, 'slot');
    u32(flags, 'flags');
    bigInteger(guestPhysAddr, 0n, 0xffff_ffff_ffff_f000n, 'guestPhysAddr');
    wholePages(Number(guestPhysAddr % BigInt(pageSize)), 'guestPhysAddr', guestPhysAddr);
    const pages = memory === undefined ? undefined : pagesOf(memory, offset, size);
    const argument = this.abi.KvmUserspaceMemoryRegion.from({
      slot,
      flags,
      guestPhysAddr,
      memorySize: BigInt(pages?.length ?? 0),
      userspaceAddr: BigInt(pages === undefined ? 0 : this.backend.address(pages)),
    });
    this.call(this.abi.KVM_SET_USER_MEMORY_REGION, this.addressOf(argument));
    const before = this.#slots.get(slot);
    if (memory === undefined || pages === undefined) this.#slots.delete(slot);
    else this.#slots.set(slot, { pages, release: memory.hold() });
    before?.release();
  }

  /**
   * Gives the guest the whole of a memory at an address, in as many slots as it has windows, the lowest free ones.
   *
   * @returns the slots' numbers.
   */
  mapMemory(memory: GuestMemory, guestPhysAddr: bigint, flags = 0): number[] {
    isGuestMemory(memory);
    u64(guestPhysAddr, 'guestPhysAddr');
    const taken: number[] = [];
    try {
      for (let offset = 0; offset < memory.size; offset += memory.windowSize) {
        let slot = 0;
        while (this.#slots.has(slot)) slot++;
        const size = Math.min(memory.windowSize, memory.size - offset);
        this.setUserMemoryRegion({ slot, guestPhysAddr: guestPhysAddr + BigInt(offset), memory, offset, size, flags });
        taken.push(slot);
      }
    } catch (error) {
      for (const slot of taken) this.setUserMemoryRegion({ slot, guestPhysAddr: 0n });
      throw error;
    }
    return taken;
  }

  /**
   * Turns on a capability of this VM that is off by default. KVM_ENABLE_CAP, api.rst 4.37. Cap.EnableCapVm.
   *
   * @param args what the capability takes: up to four numbers.
   */
  enableCap(cap: number, args: readonly bigint[] = [], flags = 0): void {
    this.enable(cap, args, flags);
  }

  /**
   * An interrupt controller in the kernel: on x86 a PIC, an I/O APIC, and for each later vCPU a local APIC. It must come before
   * the first vCPU. KVM_CREATE_IRQCHIP, api.rst 4.24. Cap.IrqChip.
   */
  createIrqChip(): void {
    this.call(this.abi.KVM_CREATE_IRQCHIP);
  }

  /**
   * Connects an eventfd to an interrupt line, or with `IrqfdFlag.Deassign` parts them: what is written to it interrupts the
   * guest, with no vCPU leaving it. KVM_IRQFD, api.rst 4.75. Cap.Irqfd, and an interrupt controller in the kernel.
   */
  irqfd(config: IrqfdConfig): void {
    const { eventfd, gsi, flags = 0, resample } = given(config, 'an interrupt line');
    u32(gsi, 'gsi');
    const resampling = resample === undefined ? 0 : this.abi.IrqfdFlag.Resample;
    if ((flags & this.abi.IrqfdFlag.Resample & ~resampling) !== 0) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'IrqfdFlag.Resample needs an eventfd in resample');
    }
    const fields: StructInit<KvmIrqfd> = {
      fd: descriptorOf(eventfd, 'eventfd'),
      gsi,
      flags: u32(flags, 'flags') | resampling,
    };
    if (resample !== undefined) fields.resamplefd = descriptorOf(resample, 'resample');
    this.write(this.abi.KVM_IRQFD, fields);
  }
}

/** @internal */
export interface Slot {
  readonly pages: Uint8Array;
  /** The slot no longer has them. */
  readonly release: () => void;
}

function pagesOf(memory: GuestMemory, offset: number, size: number | undefined): Uint8Array {
  isGuestMemory(memory);
  wholePages(offset, 'offset');
  const pages = memory.bytes(offset, size);
  wholePages(pages.length, 'size');
  if (pages.length === 0) throw new KvmError('ERR_KVM_OUT_OF_RANGE', 'the size of a memory region must not be 0');
  return pages;
}

function isGuestMemory(memory: unknown): void {
  if (!(memory instanceof GuestMemory)) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'memory must be a GuestMemory');
}

function descriptorOf(eventfd: EventFd, where: string): number {
  if (!(eventfd instanceof EventFd)) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${where} must be an EventFd`);
  return eventfd.fd;
}
