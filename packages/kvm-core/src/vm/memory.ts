import { KvmError } from '../errors/kvm-error.js';
import type { Descriptor } from '../ioctl/descriptor.js';
import { StatsFd } from '../ioctl/stats.js';
import { GuestMemory, wholePages } from '../memory/guest-memory.js';
import { pageSize } from '../memory/page-size.js';
import { given, integer, u32, u64 } from '../struct/check.js';

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

/** The memory of a VM: which pages the guest has, and where. */
export abstract class VmMemory extends StatsFd<'vm'> {
  readonly kind = 'vm';
  /** The slots in use, and the pages of each, which must outlive every vCPU: the kernel knows the address alone. */
  readonly #slots: Map<number, Slot>;

  protected constructor(descriptor: Descriptor, slots: Map<number, Slot>) {
    super(descriptor);
    this.#slots = slots;
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
    u64(guestPhysAddr, 'guestPhysAddr');
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
