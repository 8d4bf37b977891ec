import { type BackendName, ExitReason, type Kvm, type SavedState } from '@kvm/core';
import { startGuest } from './guest.js';
import { type Loop, timed } from './loops.js';

/** mov dx, 0x10; out dx, al. A HLT would wait in the kernel, because the APIC is there. */
const writesPortOnce = Uint8Array.of(0xba, 0x10, 0x00, 0xee);

/** Restores a VM with interrupt controllers, a timer, 64 KiB of memory and one vCPU, and runs it to its first exit. */
export function restoreLoop(backend: BackendName): Loop {
  let saved: { kvm: Kvm; state: SavedState } | undefined;
  return (count) => {
    saved ??= save(backend);
    const { kvm, state } = saved;
    return timed(() => {
      for (let i = 0; i < count; i++) {
        const vm = kvm.createVm();
        const { vcpus, memories } = vm.restore(state);
        const exit = vcpus[0]?.run();
        if (exit?.reason !== ExitReason.Io) throw new Error('the restored guest does not write to its port');
        for (const each of [...vcpus, vm, ...memories]) each.close();
      }
    });
  };
}

function save(backend: BackendName): { kvm: Kvm; state: SavedState } {
  const { kvm, vm, vcpu } = startGuest(backend, writesPortOnce, 0x10000, (vm) => {
    vm.createIrqChip();
    vm.createPit2();
  });
  vcpu.setCpuid2(kvm.getSupportedCpuid());
  const state = vm.save([vcpu]);
  vcpu.close();
  vm.close();
  return { kvm, state };
}
