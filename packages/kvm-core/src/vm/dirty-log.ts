import { KvmError } from '../errors/kvm-error.js';
import type { VmFacts } from '../ioctl/descriptor.js';
import { KvmFd } from '../ioctl/kvm-fd.js';
import { DirtyLog, pagesPerWord } from '../memory/dirty-log.js';
import { pageSize } from '../memory/page-size.js';
import { integer, u32 } from '../struct/check.js';

/** The record of written pages of a VM's memory. */
export abstract class VmDirtyLog extends KvmFd<'vm'> {
  /** The facts that all objects of this VM share. */
  protected abstract readonly facts: VmFacts;

  /** Bytes of each vCPU's dirty ring; 0 without rings. */
  protected get dirtyRingBytes(): number {
    return this.facts.dirtyRingBytes;
  }

  /**
   * Returns the pages of a slot that the guest has written since the last call, and marks them clean. With
   * Cap.ManualDirtyLogProtect2 enabled, only `clearDirtyLog` marks them clean. Writes of this process are not recorded.
   * KVM_GET_DIRTY_LOG, api.rst 4.8. The slot must have `MemoryFlag.LogDirtyPages`.
   *
   * @param into a log of this slot to refill.
   */
  getDirtyLog(slot: number, into?: DirtyLog): DirtyLog {
    const pages = this.pagesOf(slot);
    const log = into === undefined ? new DirtyLog(slot, pages) : into;
    const bitmap = DirtyLog.bitmapOf(log, slot, pages);
    const { KVM_GET_DIRTY_LOG, KvmDirtyLog } = this.abi;
    const argument = KvmDirtyLog.from({ slot, dirtyBitmap: BigInt(this.backend.address(bitmap)) });
    this.call(KVM_GET_DIRTY_LOG, this.addressOf(argument, [bitmap]));
    return log;
  }

  /**
   * Marks the pages of a log clean, so that the next log shows later writes to them. Copy the pages after this call.
   * Clear a large slot in parts: a page written before its part is cleared needs no second copy. KVM_CLEAR_DIRTY_LOG,
   * api.rst 4.117. Cap.ManualDirtyLogProtect2, enabled with `DirtyLogManual.ProtectEnable`.
   *
   * @param firstPage the first page of the part, a multiple of 64. Default: 0.
   * @param numPages the number of pages, a multiple of 64 unless the part ends at the slot's end. Default: all pages
   *   from `firstPage`.
   */
  clearDirtyLog(log: DirtyLog, firstPage = 0, numPages?: number): void {
    if (!(log instanceof DirtyLog)) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'log must be a DirtyLog');
    const { slot } = log;
    const pages = this.pagesOf(slot);
    const bitmap = DirtyLog.bitmapOf(log, slot, pages);
    const first = wholeWords(integer(firstPage, 0, pages - 1, 'firstPage'), 'firstPage');
    const count = integer(numPages ?? pages - first, 1, Math.min(pages - first, 0xffff_ffff), 'numPages');
    if (first + count < pages) wholeWords(count, 'numPages');
    const { KVM_CLEAR_DIRTY_LOG, KvmClearDirtyLog } = this.abi;
    const dirtyBitmap = BigInt(this.backend.address(bitmap) + first / 8);
    const argument = KvmClearDirtyLog.from({ slot, firstPage: BigInt(first), numPages: count, dirtyBitmap });
    this.call(KVM_CLEAR_DIRTY_LOG, this.addressOf(argument, [bitmap]));
  }

  /**
   * Gives each later vCPU a ring to which the kernel adds the pages that it dirties: `vcpu.dirtyRing`. A ring is
   * cheaper than a log for few dirty pages. Call this before the first vCPU; dirty logs are unavailable from then on. A
   * full ring makes `run` return `ExitReason.DirtyRingFull`. KVM_ENABLE_CAP, api.rst 8.29. Cap.DirtyLogRing or
   * Cap.DirtyLogRingAcqRel, whose value is the largest size of a ring in bytes.
   *
   * @param entries the capacity of a ring in pages, some of which the kernel reserves: a power of two. A ring fills at
   *   least one page of memory.
   */
  enableDirtyRing(entries: number): void {
    const { DirtyLogRing, DirtyLogRingAcqRel } = this.abi.Cap;
    const cap = this.hostCapability(DirtyLogRingAcqRel) > 0 ? DirtyLogRingAcqRel : DirtyLogRing;
    this.requireCapability(cap, 'a dirty ring');
    const entrySize = this.abi.KvmDirtyGfn.size;
    integer(entries, pageSize / entrySize, this.hostCapability(cap) / entrySize, 'the entries of a dirty ring');
    if (2 ** Math.round(Math.log2(entries)) !== entries) {
      throw new KvmError('ERR_KVM_OUT_OF_RANGE', `the entries of a dirty ring must be a power of two, not ${entries}`);
    }
    this.enableCapability(cap, [BigInt(entries * entrySize)], 0);
  }

  /** Records the length of a ring that `enableCap` enables: memory mapped beyond its end must not be accessed. */
  protected override enableCapability(cap: number, args: readonly bigint[], flags: number): void {
    super.enableCapability(cap, args, flags);
    const { DirtyLogRing, DirtyLogRingAcqRel } = this.abi.Cap;
    // The kernel uses the low 32 bits.
    if (cap === DirtyLogRing || cap === DirtyLogRingAcqRel) {
      this.facts.dirtyRingBytes = Number(BigInt.asUintN(32, args[0] ?? 0n));
    }
  }

  /**
   * Frees the entries taken from all vCPUs' rings, and records later writes to their pages again. Copy the pages after
   * this call, not before. KVM_RESET_DIRTY_RINGS, api.rst 8.29. Cap.DirtyLogRing.
   *
   * @returns the number of pages.
   */
  resetDirtyRings(): number {
    return this.call(this.abi.KVM_RESET_DIRTY_RINGS);
  }

  private pagesOf(slot: number): number {
    this.opened();
    const region = this.facts.slots.get(u32(slot, 'slot'));
    if (region === undefined) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `slot ${slot} has no memory`);
    return region.size / pageSize;
  }
}

function wholeWords(pages: number, what: string): number {
  if (pages % pagesPerWord === 0) return pages;
  throw new KvmError('ERR_KVM_OUT_OF_RANGE', `${what} must be a multiple of ${pagesPerWord} pages, not ${pages}`);
}
