import { KvmError } from '../errors/kvm-error.js';
import type { VmFacts } from '../ioctl/descriptor.js';
import { KvmFd } from '../ioctl/kvm-fd.js';
import { DirtyLog, pagesPerWord } from '../memory/dirty-log.js';
import { pageSize } from '../memory/page-size.js';
import { integer, u32 } from '../struct/check.js';

/** Which pages of a VM's memory were written to. */
export abstract class VmDirtyLog extends KvmFd<'vm'> {
  /** What all objects of this VM know of it. */
  protected abstract readonly facts: VmFacts;

  /** Bytes of the dirty ring that each vCPU has; 0 where there are none. */
  protected get dirtyRingBytes(): number {
    return this.facts.dirtyRingBytes;
  }

  /**
   * Which pages of a slot the guest has written to since the last call. They are clean from now on, unless
   * Cap.ManualDirtyLogProtect2 was enabled: then `clearDirtyLog` says so. What this process writes is not seen.
   * KVM_GET_DIRTY_LOG, api.rst 4.8. The slot must have `MemoryFlag.LogDirtyPages`.
   *
   * @param into a log of this slot, to be filled again.
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
   * Makes the pages clean that a log shows: what the guest writes to them from now on, the next log shows again. So copy them
   * after this, and of a large slot a part at a time: what is written before its part is cleared has not to be copied twice.
   * KVM_CLEAR_DIRTY_LOG, api.rst 4.117. Cap.ManualDirtyLogProtect2, enabled with `DirtyLogManual.ProtectEnable`.
   *
   * @param firstPage of the part, a multiple of 64; 0.
   * @param numPages of the part, a multiple of 64 but at the slot's end; all from `firstPage`.
   */
  clearDirtyLog(log: DirtyLog, firstPage = 0, numPages?: number): void {
    if (!(log instanceof DirtyLog)) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'this is no DirtyLog');
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
   * Gives each vCPU that is created from now on a ring into which the kernel writes the pages it dirties, which is cheaper than a
   * log where they are few: `vcpu.dirtyRing`. Before the first vCPU; logs are gone then. A full ring makes `run` return
   * `ExitReason.DirtyRingFull`. KVM_ENABLE_CAP, api.rst 8.29. Cap.DirtyLogRing or Cap.DirtyLogRingAcqRel, which says how many
   * bytes a ring may have.
   *
   * @param entries how many pages a ring has room for, some of which the kernel keeps in reserve: a power of two, of a page at least.
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

  /** However a ring is enabled, its length has to be known: what is mapped beyond its end must not be touched. */
  protected override enableCapability(cap: number, args: readonly bigint[], flags: number): void {
    super.enableCapability(cap, args, flags);
    const { DirtyLogRing, DirtyLogRingAcqRel } = this.abi.Cap;
    // The kernel looks at 32 bits of it.
    if (cap === DirtyLogRing || cap === DirtyLogRingAcqRel) {
      this.facts.dirtyRingBytes = Number(BigInt.asUintN(32, args[0] ?? 0n));
    }
  }

  /**
   * Says that the pages taken from all vCPUs' rings have been seen: their entries are free again, and what the guest writes to
   * them is noted anew. Copy the pages after this, not before. KVM_RESET_DIRTY_RINGS, api.rst 8.29. Cap.DirtyLogRing.
   *
   * @returns how many pages.
   */
  resetDirtyRings(): number {
    return this.call(this.abi.KVM_RESET_DIRTY_RINGS);
  }

  private pagesOf(slot: number): number {
    this.opened();
    const used = this.facts.slots.get(u32(slot, 'slot'));
    if (used === undefined) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `slot ${slot} has no memory`);
    return used.size / pageSize;
  }
}

function wholeWords(pages: number, what: string): number {
  if (pages % pagesPerWord === 0) return pages;
  throw new KvmError('ERR_KVM_OUT_OF_RANGE', `${what} must be a multiple of ${pagesPerWord} pages, not ${pages}`);
}
