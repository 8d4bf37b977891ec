import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Cap, GuestMemfdFlag, IoeventfdFlag, MemoryFlag } from '../src/abi/x86/index.js';
import { Kvm } from '../src/arch/x86/kvm.js';
import type { BackendName } from '../src/backend/backend.js';
import { KvmError } from '../src/errors/kvm-error.js';
import { onEachBackend } from './backends.js';
import { codeAddress } from './real-mode.js';

const size = 0x10000;

/** Every object that refers to memory or a mapping, and a use of each. */
function everything(backend: BackendName): { objects: Disposable[]; uses: (() => unknown)[] } {
  const kvm = Kvm.open({ backend });
  const rings = kvm.checkExtension(Cap.DirtyLogRing) > 0;
  const vm = kvm.createVm();
  if (rings) vm.enableDirtyRing(1024);
  const memory = kvm.allocateMemory({ size });
  // mov byte [0x3000], 1; out 0x10, al; out 0x11, al; jmp back
  memory.write(codeAddress, Uint8Array.of(0xc6, 0x06, 0x00, 0x30, 1, 0xe6, 0x10, 0xe6, 0x11, 0xeb, 0xf5));
  vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory, flags: MemoryFlag.LogDirtyPages });
  const eventfd = kvm.createEventFd();
  vm.ioeventfd({ eventfd, addr: 0x11n, len: 1, flags: IoeventfdFlag.Pio });
  if (kvm.checkExtension(Cap.CoalescedPio) > 0) vm.registerCoalescedMmio({ addr: 0x12n, size: 1, pio: true });
  const vcpu = vm.createVcpu(0);
  vcpu.setSregs(Object.assign(vcpu.getSregs(), { cs: { base: 0n, selector: 0 }, ds: { base: 0n, selector: 0 } }));
  vcpu.setRegs({ rip: BigInt(codeAddress), rflags: 2n });

  const objects: Disposable[] = [kvm, vm, memory, eventfd, vcpu];
  const view = memory.bytes();
  const uses: (() => unknown)[] = [
    () => vcpu.run(),
    // The guest keeps its code, because a guest without code spins for ever on some processors.
    () => vm.setUserMemoryRegion({ slot: 2, guestPhysAddr: 1n << 33n, memory, flags: MemoryFlag.LogDirtyPages }),
    () => vm.setUserMemoryRegion({ slot: 2, guestPhysAddr: 1n << 33n }),
    () => memory.write(0x3000, Uint8Array.of(2)),
    () => view.fill(0xf4, 0x3000),
    () => eventfd.write(),
  ];
  if (rings) {
    const ring = vcpu.dirtyRing;
    uses.push(
      () => [...ring],
      () => vm.resetDirtyRings(),
    );
  } else {
    uses.push(() => vm.getDirtyLog(0));
  }
  if (kvm.checkExtension(Cap.CoalescedMmio) > 0) {
    const ring = vcpu.coalescedRing;
    uses.push(() => ring.drain(() => {}));
  }
  const flags = GuestMemfdFlag.Mmap | GuestMemfdFlag.InitShared;
  if ((BigInt(vm.checkExtension(Cap.GuestMemfdFlags)) & flags) === flags) {
    const guestMemfd = vm.createGuestMemfd(size, flags);
    const mapped = guestMemfd.map();
    const mappedView = mapped.bytes();
    vm.setUserMemoryRegion2({ slot: 1, guestPhysAddr: 1n << 32n, memory: mapped, guestMemfd });
    objects.push(guestMemfd, mapped);
    uses.push(
      () => mapped.write(0, Uint8Array.of(1)),
      () => mappedView.fill(1),
      () => guestMemfd.map().close(),
      () => vm.setUserMemoryRegion2({ slot: 1, guestPhysAddr: 0n }),
    );
  }
  return { objects, uses };
}

onEachBackend('objects', (backend) => {
  test('can be closed in any order and used in between without a fault, and release every descriptor', () => {
    const descriptors = () => readdirSync('/proc/self/fd').length;
    everything(backend).objects.map((object) => object[Symbol.dispose]());
    const before = descriptors();
    const order = fc.array(fc.nat(100), { minLength: 40, maxLength: 40 });
    fc.assert(
      fc.property(order, (steps) => {
        const { objects, uses } = everything(backend);
        for (const step of steps) {
          const [object] = step % 3 === 0 ? objects.splice(step % Math.max(1, objects.length), 1) : [];
          object?.[Symbol.dispose]();
          try {
            uses[step % uses.length]?.();
          } catch (error) {
            if (!(error instanceof KvmError)) throw error;
          }
        }
        for (const object of objects) object[Symbol.dispose]();
        expect(descriptors()).toBe(before);
      }),
      { numRuns: 40 },
    );
  });
});
