import { constants } from 'node:os';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../test/backends.js';
import { kvmError } from '../../test/errors.js';
import { codeAddress, type RealModeGuest, realModeGuest } from '../../test/real-mode.js';
import { exitOf } from '../../test/run.js';
import { Cap, DirtyLogManual, ExitReason, MemoryFlag } from '../abi/x86/index.js';
import { Kvm } from '../arch/x86/kvm.js';
import type { BackendName } from '../backend/backend.js';
import { DirtyLog } from '../memory/dirty-log.js';
import { pageSize } from '../memory/page-size.js';

const { EINVAL, ENOENT } = constants.errno;

/** A guest with a dirty log that repeatedly writes to each of these pages and halts. */
function writingGuest(backend: BackendName, pages: readonly number[]): RealModeGuest {
  // mov byte [page], 1 for each; hlt; jmp to the start
  const writes = pages.flatMap((page) => [0xc6, 0x06, 0x00, page * 16, 0x01]);
  const guest = realModeGuest(backend, [...writes, 0xf4, 0xeb, 256 - writes.length - 3]);
  const { vm, memory } = guest;
  vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory, flags: MemoryFlag.LogDirtyPages });
  // With hardware virtualisation, a page counts as dirty once it is mapped writable, even by a read.
  runToHalt(guest);
  vm.getDirtyLog(0);
  return guest;
}

function runToHalt({ vcpu }: RealModeGuest): void {
  expect(exitOf(vcpu).reason).toBe(ExitReason.Hlt);
}

onEachBackend('the dirty log', (backend) => {
  test('shows exactly the pages the guest has written to since it was last asked for', () => {
    using guest = writingGuest(backend, [3, 5, 9]);
    runToHalt(guest);
    const log = guest.vm.getDirtyLog(0);
    expect([...log]).toEqual([3, 5, 9]);
    expect(log).toMatchObject({ slot: 0, pages: 16, size: 3 });
    expect([log.has(3), log.has(4), log.has(-1), log.has(16)]).toEqual([true, false, false, false]);
    expect([...log.bitmap]).toEqual([0b0010_1000, 0b10, 0, 0, 0, 0, 0, 0]);
    expect(inspect(log)).toBe('DirtyLog { slot: 0, pages: 16, dirty: [ 3, 5, 9 ] }');
    expect([...guest.vm.getDirtyLog(0, log)]).toEqual([]);
    runToHalt(guest);
    expect([...guest.vm.getDirtyLog(0, log)]).toEqual([3, 5, 9]);
  });

  test('does not show writes of this process', () => {
    using guest = writingGuest(backend, [3]);
    guest.memory.write(8 * pageSize, Uint8Array.of(1));
    expect([...guest.vm.getDirtyLog(0)]).toEqual([]);
  });

  test('is cleared by hand with ManualDirtyLogProtect2, as a whole or in parts', (context) => {
    using guest = realModeGuest(backend, [0xf4]);
    const { kvm, vm } = guest;
    if (kvm.checkExtension(Cap.ManualDirtyLogProtect2) === 0) {
      context.skip('the host lacks KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2');
    }
    vm.enableCap(Cap.ManualDirtyLogProtect2, [BigInt(DirtyLogManual.ProtectEnable | DirtyLogManual.InitiallySet)]);
    using large = kvm.allocateMemory({ size: 130 * pageSize });
    const flags = MemoryFlag.LogDirtyPages;
    vm.setUserMemoryRegion({ slot: 1, guestPhysAddr: 1n << 32n, memory: large, flags });
    // All pages start dirty.
    const log = vm.getDirtyLog(1);
    expect([log.pages, log.size, log.bitmap.length]).toEqual([130, 130, 24]);
    expect(vm.getDirtyLog(1).size).toBe(130);
    vm.clearDirtyLog(log, 64, 64);
    expect([...vm.getDirtyLog(1)]).toEqual([...Array(64).keys(), 128, 129]);
    vm.clearDirtyLog(log, 128);
    expect(vm.getDirtyLog(1).size).toBe(64);
    vm.clearDirtyLog(log);
    expect(vm.getDirtyLog(1).size).toBe(0);
    for (const [first, count] of [[1], [0, 1], [0, 0], [64, 65], [0, 131], [130], [-64], [0.5]] as [
      number,
      number?,
    ][]) {
      kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.clearDirtyLog(log, first, count));
    }
    vm.setUserMemoryRegion({ slot: 1, guestPhysAddr: 1n << 32n });
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.clearDirtyLog(log));
    vm.setUserMemoryRegion({ slot: 1, guestPhysAddr: 1n << 32n, memory: large, size: pageSize, flags });
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.clearDirtyLog(log));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.getDirtyLog(1, log));
  });

  test('needs a logged slot, and a log of that slot', () => {
    using guest = writingGuest(backend, [3]);
    const { vm, memory } = guest;
    vm.setUserMemoryRegion({ slot: 1, guestPhysAddr: 1n << 32n, memory });
    const error = kvmError('ERR_KVM_SYSCALL', () => vm.getDirtyLog(1));
    expect(error).toMatchObject({ errno: ENOENT, ioctl: 'KVM_GET_DIRTY_LOG' });
    expect(error.hint).toMatch(/MemoryFlag.LogDirtyPages/);
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.getDirtyLog(2));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.getDirtyLog(-1));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.getDirtyLog('0' as never));
    const log = vm.getDirtyLog(0);
    for (const wrong of [{}, null, new Uint8Array(8), { slot: 0, pages: 16, bitmap: new Uint8Array(8) }]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.getDirtyLog(0, wrong as never));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.clearDirtyLog(wrong as never));
    }
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.getDirtyLog(1, log));
    structuredClone(log.bitmap, { transfer: [log.bitmap.buffer as ArrayBuffer] });
    expect(kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.getDirtyLog(0, log)).message).toMatch(/transferred/);
    expect([...log]).toEqual([]);
    vm.close();
    kvmError('ERR_KVM_CLOSED', () => vm.getDirtyLog(0));
  });
});

onEachBackend('the dirty ring', (backend) => {
  const entries = 1024;
  const noRing = 'the host lacks KVM_CAP_DIRTY_LOG_RING';
  const hasRing = (kvm: Kvm): boolean =>
    kvm.checkExtension(Cap.DirtyLogRing) + kvm.checkExtension(Cap.DirtyLogRingAcqRel) > 0;

  /** A VM with rings and, in slot 2, logged memory for a real-mode guest. */
  function ringGuest(code: readonly number[], size = 0x10000) {
    const kvm = Kvm.open({ backend });
    const vm = kvm.createVm();
    vm.enableDirtyRing(entries);
    const memory = kvm.allocateMemory({ size });
    memory.write(codeAddress, Uint8Array.from(code));
    vm.setUserMemoryRegion({ slot: 2, guestPhysAddr: 0n, memory, flags: MemoryFlag.LogDirtyPages });
    const vcpu = vm.createVcpu(0);
    const sregs = vcpu.getSregs();
    for (const segment of [sregs.cs, sregs.ds, sregs.es, sregs.ss]) {
      segment.assign({ base: 0n, selector: 0, limit: 0xffff_ffff, g: 1 });
    }
    vcpu.setSregs(sregs);
    vcpu.setRegs({ rip: BigInt(codeAddress), rflags: 2n });
    return {
      kvm,
      vm,
      vcpu,
      memory,
      [Symbol.dispose]() {
        for (const object of [vcpu, memory, vm, kvm]) object.close();
      },
    };
  }

  test('yields the pages that a vCPU has written, and yields them again after a reset', (context) => {
    using kvm = Kvm.open({ backend });
    if (!hasRing(kvm)) context.skip(noRing);
    // mov byte [0x3000], 1; mov byte [0x5000], 1; hlt; jmp to the start
    const writes = [0xc6, 0x06, 0x00, 0x30, 1, 0xc6, 0x06, 0x00, 0x50, 1];
    using guest = ringGuest([...writes, 0xf4, 0xeb, 256 - writes.length - 3]);
    const { vm, vcpu } = guest;
    const ring = vcpu.dirtyRing;
    expect(vcpu.dirtyRing).toBe(ring);
    expect(ring.entries).toBe(entries);
    expect([...ring]).toEqual([]);
    expect(exitOf(vcpu).reason).toBe(ExitReason.Hlt);
    // The ring may also have pages that were only mapped.
    expect([...ring]).toEqual(
      expect.arrayContaining([
        { slot: 2, offset: 3 },
        { slot: 2, offset: 5 },
      ]),
    );
    vm.resetDirtyRings();
    const written = [
      { slot: 2, offset: 3 },
      { slot: 2, offset: 5 },
    ];
    for (let round = 0; round < 3; round++) {
      expect(inspect(ring)).toBe('DirtyRing { entries: 1024, waiting: 0 }');
      expect(exitOf(vcpu).reason).toBe(ExitReason.Hlt);
      expect(inspect(ring)).toBe('DirtyRing { entries: 1024, waiting: 2 }');
      expect([...ring]).toEqual(written);
      expect([...ring]).toEqual([]);
      expect(vm.resetDirtyRings()).toBe(2);
      expect(vm.resetDirtyRings()).toBe(0);
    }
    expect(exitOf(vcpu).reason).toBe(ExitReason.Hlt);
    // The next iteration yields the entries that an interrupted one left in the ring.
    for (const page of ring) {
      expect(page).toEqual(written[0]);
      break;
    }
    expect(vm.resetDirtyRings()).toBe(1);
    expect([...ring]).toEqual([written[1]]);
  });

  test('wraps around, and causes an exit when it is full', (context) => {
    using kvm = Kvm.open({ backend });
    if (!hasRing(kvm)) context.skip(noRing);
    const pages = 4 * entries;
    // mov edi, 0x10000; again: mov byte [edi], 1; out 0x10, al; add edi, 4096; cmp edi, end; jb again; hlt
    // A host that interprets the guest checks the ring between exits, so the guest exits after each page.
    const start = [0x66, 0xbf, 0, 0, 1, 0, 0x67, 0xc6, 0x07, 1, 0xe6, 0x10, 0x66, 0x81, 0xc7, 0, 16, 0, 0];
    const end = [0x66, 0x81, 0xff, 0, 0, (pages >> 4) & 0xff, pages >> 12, 0x72, 0xea, 0xf4];
    using guest = ringGuest([...start, ...end], pages * pageSize);
    const { vm, vcpu } = guest;
    const seen = new Set<number>();
    let full = 0;
    let exit = exitOf(vcpu);
    for (; exit.reason !== ExitReason.Hlt; exit = exitOf(vcpu)) {
      if (exit.reason === ExitReason.Io) continue;
      expect(exit.reason).toBe(ExitReason.DirtyRingFull);
      full++;
      const taken = [...vcpu.dirtyRing];
      for (const { offset } of taken) seen.add(offset);
      expect(vm.resetDirtyRings()).toBe(taken.length);
      expect(taken.length).toBeGreaterThan(0);
    }
    for (const { offset } of vcpu.dirtyRing) seen.add(offset);
    expect(full).toBeGreaterThan(2);
    // The lower pages are the guest's code.
    const data = [...seen].filter((page) => page >= 16);
    expect(data.sort((a, b) => a - b)).toEqual(Array.from({ length: pages - 16 }, (_, i) => i + 16));
  });

  test('is empty once its vCPU is closed, and never faults', (context) => {
    using kvm = Kvm.open({ backend });
    if (!hasRing(kvm)) context.skip(noRing);
    using guest = ringGuest([0xc6, 0x06, 0x00, 0x30, 1, 0xf4]);
    const ring = guest.vcpu.dirtyRing;
    exitOf(guest.vcpu);
    guest.vm.close();
    guest.vcpu.close();
    expect([...ring]).toEqual([]);
    kvmError('ERR_KVM_CLOSED', () => guest.vcpu.dirtyRing);
    kvmError('ERR_KVM_CLOSED', () => guest.vm.resetDirtyRings());
  });

  test('replaces the log, and must be enabled before the first vCPU', (context) => {
    using kvm = Kvm.open({ backend });
    if (!hasRing(kvm)) context.skip(noRing);
    using guest = ringGuest([0xf4]);
    if (kvm.checkExtension(Cap.DirtyLogRingWithBitmap) === 0) {
      expect(kvmError('ERR_KVM_SYSCALL', () => guest.vm.getDirtyLog(2)).hint).toMatch(/dirty rings/);
    }
    expect(kvmError('ERR_KVM_SYSCALL', () => guest.vm.enableDirtyRing(entries)).errno).toBe(EINVAL);
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    expect(kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.dirtyRing).hint).toMatch(/enableDirtyRing/);
    expect(kvmError('ERR_KVM_SYSCALL', () => vm.enableDirtyRing(entries)).hint).toMatch(/before the first vCPU/);
    expect(kvmError('ERR_KVM_SYSCALL', () => vm.resetDirtyRings()).hint).toMatch(/enableDirtyRing/);
  });

  test('has a power of two of entries within the limit of the host', (context) => {
    using kvm = Kvm.open({ backend });
    if (!hasRing(kvm)) context.skip(noRing);
    using vm = kvm.createVm();
    for (const wrong of [0, 1, -1, 128, 1000, 1024.5, 2 ** 31]) {
      kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.enableDirtyRing(wrong));
    }
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.enableDirtyRing('1024' as never));
  });

  test('has the enabled length with enableCap, too', (context) => {
    using kvm = Kvm.open({ backend });
    if (!hasRing(kvm)) context.skip(noRing);
    using vm = kvm.createVm();
    const cap = kvm.checkExtension(Cap.DirtyLogRing) > 0 ? Cap.DirtyLogRing : Cap.DirtyLogRingAcqRel;
    // The kernel uses the low half of the number.
    vm.enableCap(cap, [(1n << 32n) | 0x8000n]);
    using vcpu = vm.createVcpu(0);
    expect(vcpu.dirtyRing.entries).toBe(0x8000 / 16);
    expect([...vcpu.dirtyRing]).toEqual([]);
  });

  test('has the length passed to the kernel, even if the argument changes after it was read', (context) => {
    using kvm = Kvm.open({ backend });
    if (!hasRing(kvm)) context.skip(noRing);
    using vm = kvm.createVm();
    const cap = kvm.checkExtension(Cap.DirtyLogRing) > 0 ? Cap.DirtyLogRing : Cap.DirtyLogRingAcqRel;
    vm.enableCap(cap, [0x4000n]);
    using vcpu = vm.createVcpu(0);
    expect(vcpu.dirtyRing.entries).toBe(0x4000 / 16);
  });

  test('is refused with the name of the capability if the host lacks it', (context) => {
    using kvm = Kvm.open({ backend });
    if (hasRing(kvm)) context.skip('the host has dirty rings');
    using vm = kvm.createVm();
    expect(kvmError('ERR_KVM_UNSUPPORTED', () => vm.enableDirtyRing(entries)).message).toContain(
      'KVM_CAP_DIRTY_LOG_RING',
    );
  });
});

test('a dirty log yields the number of every set bit', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.uniqueArray(fc.nat(299)), (pages, dirty) => {
      const log = new DirtyLog(7, pages);
      const expected = dirty.filter((page) => page < pages).sort((a, b) => a - b);
      for (const page of expected) {
        const byte = page >> 3;
        log.bitmap[byte] = (log.bitmap[byte] as number) | (1 << (page & 7));
      }
      expect([...log]).toEqual(expected);
      expect(log.size).toBe(expected.length);
      expect(expected.every((page) => log.has(page))).toBe(true);
      expect(log.bitmap.length % 8).toBe(0);
    }),
  );
});
