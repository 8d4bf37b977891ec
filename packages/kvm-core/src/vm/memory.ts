import type { KvmUserspaceMemoryRegion } from '../abi/x86/structs.js';
import { KvmError } from '../errors/kvm-error.js';
import type { VmFacts } from '../ioctl/descriptor.js';
import { KvmFd } from '../ioctl/kvm-fd.js';
import type { GuestMemfd } from '../memory/guest-memfd.js';
import { GuestMemory } from '../memory/guest-memory.js';
import { wholePages, wholePages64 } from '../memory/sizes.js';
import { integer, u32, u64 } from '../struct/check.js';
import { optionsOf } from '../struct/options.js';

/** What `vm.setUserMemoryRegion` takes. */
export interface UserMemoryRegion {
  /**
   * The slot's number; its upper 16 bits are the address space, of which most hosts have one. With Cap.MultiAddressSpace x86 has
   * two, and the second is what a vCPU sees in system management mode. Reusing a number moves or deletes what was there.
   */
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

/** A region as the kernel is told it. */
export type RegionFields = Pick<
  KvmUserspaceMemoryRegion,
  'slot' | 'flags' | 'guestPhysAddr' | 'memorySize' | 'userspaceAddr'
>;

/** The memory of a VM: which pages the guest has, and where. */
export abstract class VmMemory extends KvmFd<'vm'> {
  /** What all objects of this VM know of it. */
  protected abstract readonly facts: VmFacts;

  /**
   * Gives the guest memory at an address, moves what a slot holds, changes its flags, or, without `memory`, deletes the slot.
   * The pages stay for as long as the slot has them. KVM_SET_USER_MEMORY_REGION, api.rst 4.35. Cap.UserMemory, and for
   * `MemoryFlag.Readonly` Cap.ReadonlyMem.
   *
   * @throws KvmError `ERR_KVM_OUT_OF_RANGE` for an address or size that is not whole pages or leaves the memory,
   *   `ERR_KVM_UNSUPPORTED` for an address space that the host lacks, `ERR_KVM_SYSCALL` with EEXIST where another slot is.
   */
  setUserMemoryRegion(region: UserMemoryRegion): void {
    this.setRegion(region, (fields) => this.write(this.abi.KVM_SET_USER_MEMORY_REGION, fields));
  }

  /** Checks a region, has it sent, and keeps what is in it for as long as the slot does. */
  protected setRegion(region: UserMemoryRegion, send: (fields: RegionFields) => void, guestMemfd?: GuestMemfd): void {
    const {
      slot,
      guestPhysAddr,
      memory,
      flags = 0,
      offset = 0,
      size,
    } = optionsOf(region, 'a memory region', ['slot', 'guestPhysAddr', 'memory', 'flags', 'offset', 'size']);
    this.opened();
    this.checkSlot(slot);
    u32(flags, 'flags');
    wholePages64(guestPhysAddr, 'guestPhysAddr');
    const pages = memory === undefined ? undefined : pagesOf(memory, offset, size);
    const address = pages === undefined ? 0 : this.backend.address(pages);
    const memorySize = BigInt(pages?.length ?? 0);
    const known = this.facts.slots.get(slot);
    const isSame = known?.guestPhysAddr === guestPhysAddr && known.address === address && known.size === pages?.length;
    if (!isSame) this.notShared('which memory the guest has');
    // Before the kernel has the pages: after that, nothing may fail.
    const holds = memory === undefined ? [] : [memory.hold()];
    if (guestMemfd !== undefined) holds.push(guestMemfd.hold());
    const release = (): void => {
      for (const end of holds) end();
    };
    try {
      send({ slot, flags, guestPhysAddr, memorySize, userspaceAddr: BigInt(address) });
    } catch (error) {
      release();
      throw error;
    }
    const before = this.facts.slots.get(slot);
    if (memory === undefined || pages === undefined) this.facts.slots.delete(slot);
    else {
      const share = (): void => memory.keep();
      this.facts.slots.set(slot, { guestPhysAddr, size: pages.length, flags, pages, address, release, share });
    }
    before?.release();
  }

  /** The lower half of a slot's number counts the slots of an address space, the upper half the address spaces. */
  private checkSlot(slot: number): void {
    const { MultiAddressSpace, NrMemslots } = this.abi.Cap;
    integer(u32(slot, 'slot') & 0xffff, 0, this.cachedCapability(NrMemslots) - 1, 'slot');
    const space = slot >>> 16;
    if (space === 0) return;
    this.requireCapability(MultiAddressSpace, `slot ${slot} of address space ${space}`);
    integer(space, 0, this.cachedCapability(MultiAddressSpace) - 1, 'the address space of a slot');
  }

  /**
   * Gives the guest the whole of a memory at an address, in as many slots as it has windows, the lowest free ones.
   *
   * @returns the slots' numbers.
   */
  mapMemory(memory: GuestMemory, guestPhysAddr: bigint, flags = 0): number[] {
    isGuestMemory(memory);
    u64(guestPhysAddr, 'guestPhysAddr');
    const { size: whole, windowSize } = memory;
    const taken: number[] = [];
    try {
      for (let offset = 0; offset < whole; offset += windowSize) {
        let slot = 0;
        while (this.facts.slots.has(slot)) slot++;
        const size = Math.min(windowSize, whole - offset);
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

function pagesOf(memory: GuestMemory, offset: number, size: number | undefined): Uint8Array {
  isGuestMemory(memory);
  const pages = memory.bytes(offset, size);
  wholePages(offset, 'offset');
  wholePages(pages.length, 'size');
  if (pages.length === 0) throw new KvmError('ERR_KVM_OUT_OF_RANGE', 'the size of a memory region must not be 0');
  return pages;
}

export function isGuestMemory(memory: unknown): void {
  if (memory instanceof GuestMemory) return;
  throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'memory must be a GuestMemory');
}
