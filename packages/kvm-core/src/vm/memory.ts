import type { KvmUserspaceMemoryRegion } from '../abi/x86/structs.js';
import { KvmError } from '../errors/kvm-error.js';
import type { VmFacts } from '../ioctl/descriptor.js';
import { KvmFd } from '../ioctl/kvm-fd.js';
import type { GuestMemfd } from '../memory/guest-memfd.js';
import { GuestMemory } from '../memory/guest-memory.js';
import { wholePages, wholePages64 } from '../memory/sizes.js';
import { integer, u32, u64 } from '../struct/check.js';
import { optionsOf } from '../struct/options.js';

/** The argument of `vm.setUserMemoryRegion`. */
export interface UserMemoryRegion {
  /**
   * The slot's number. Its upper 16 bits are the address space; most hosts have only one. With Cap.MultiAddressSpace
   * x86 has two, and a vCPU in system management mode uses the second. Reusing a number moves or deletes the existing
   * region.
   */
  slot: number;
  /** The guest-physical address, a multiple of the page size. */
  guestPhysAddr: bigint;
  /** The pages. Without it the slot is deleted. */
  memory?: GuestMemory;
  /** The offset in `memory` in bytes, a multiple of the page size. Default: 0. */
  offset?: number;
  /** The size in bytes, a multiple of the page size. Default: all of `memory` from `offset`. */
  size?: number;
  /** Flags of `MemoryFlag`. Default: 0. */
  flags?: number;
}

/** The kernel's fields of a region. */
export type RegionFields = Pick<
  KvmUserspaceMemoryRegion,
  'slot' | 'flags' | 'guestPhysAddr' | 'memorySize' | 'userspaceAddr'
>;

/** The memory of a VM: its slots, which give the guest pages at guest-physical addresses. */
export abstract class VmMemory extends KvmFd<'vm'> {
  /** The facts that all objects of this VM share. */
  protected abstract readonly facts: VmFacts;

  /**
   * Gives the guest memory at an address, moves a slot, changes its flags, or, without `memory`, deletes it. The slot
   * keeps its pages alive. KVM_SET_USER_MEMORY_REGION, api.rst 4.35. Cap.UserMemory, and for `MemoryFlag.Readonly`
   * Cap.ReadonlyMem.
   *
   * @throws KvmError `ERR_KVM_OUT_OF_RANGE` for an address or size that is not a multiple of the page size or is
   *   outside the memory, `ERR_KVM_UNSUPPORTED` for an address space that the host lacks, `ERR_KVM_SYSCALL` with EEXIST
   *   if it overlaps another slot.
   */
  setUserMemoryRegion(region: UserMemoryRegion): void {
    this.setRegion(region, (fields) => this.write(this.abi.KVM_SET_USER_MEMORY_REGION, fields));
  }

  /** Checks a region, calls `send`, and keeps the memory alive as long as the slot has it. */
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
    const current = this.facts.slots.get(slot);
    const isSame =
      current?.guestPhysAddr === guestPhysAddr && current.address === address && current.size === pages?.length;
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

  /** The lower half of a slot's number is the slot within an address space, the upper half the address space. */
  private checkSlot(slot: number): void {
    const { MultiAddressSpace, NrMemslots } = this.abi.Cap;
    integer(u32(slot, 'slot') & 0xffff, 0, this.cachedCapability(NrMemslots) - 1, 'slot');
    const space = slot >>> 16;
    if (space === 0) return;
    this.requireCapability(MultiAddressSpace, `slot ${slot} of address space ${space}`);
    integer(space, 0, this.cachedCapability(MultiAddressSpace) - 1, 'the address space of a slot');
  }

  /**
   * Gives the guest all of a memory at an address. Each window of the memory takes one slot, the lowest free one.
   *
   * @returns the numbers of the slots.
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
