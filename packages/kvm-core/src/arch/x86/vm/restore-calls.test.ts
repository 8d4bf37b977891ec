import { expect, test, vi } from 'vitest';
import { onEachBackend } from '../../../../test/backends.js';
import { realModeGuest } from '../../../../test/real-mode.js';
import type { Ioctl } from '../../../abi/ioctl.js';
import * as abi from '../../../abi/x86/index.js';
import { selectBackend } from '../../../backend/select.js';
import { x86 } from '../architecture.js';
import { Kvm } from '../kvm.js';

onEachBackend('restoring a VM', (backend) => {
  test('asks the host only once for each Kvm what is the same for all VMs', () => {
    using guest = realModeGuest(backend, [0xf4]);
    const { kvm, vm, vcpu } = guest;
    vcpu.setCpuid2(kvm.getSupportedCpuid());
    const state = vm.save([vcpu]);
    using other = realModeGuest(backend, [0xf4]);
    let requests: number[] = [];
    const calls = (): ((ioctl: Ioctl) => number) => {
      const spy = vi.spyOn(selectBackend(backend), 'ioctl');
      try {
        using restored = other.kvm.createVm();
        for (const each of restored.restore(state).vcpus) each.close();
        const made = spy.mock.calls.map(([, request]) => request);
        requests = made;
        return ({ request }) => made.filter((each) => each === request).length;
      } finally {
        spy.mockRestore();
      }
    };
    const first = calls();
    expect(first(abi.KVM_GET_SUPPORTED_CPUID)).toBe(1);
    // If the state has features that the host does not report, a trial on the vCPU shows what a guest sees.
    expect(first(abi.KVM_SET_CPUID2)).toBeLessThanOrEqual(3);
    const second = calls();
    expect(second(abi.KVM_GET_SUPPORTED_CPUID)).toBe(0);
    expect(second(abi.KVM_SET_CPUID2)).toBe(1);
    expect(second(abi.KVM_GET_CPUID2)).toBe(0);
    // The capabilities for slots, vCPUs, and the length of the extended state, which setXsave also checks.
    expect(second(abi.KVM_CHECK_EXTENSION)).toBeLessThanOrEqual(4);
    expect(second(abi.KVM_SET_REGS)).toBe(1);
    // MSRs that the kernel does not take end the call, and the next ones need another. 24 calls on Linux 6.12.
    const several = [abi.KVM_CHECK_EXTENSION.request, abi.KVM_SET_MSRS.request];
    const once = requests.filter((request) => !several.includes(request) && request !== x86.fioclex);
    expect(once).toEqual([...new Set(once)]);
  });

  test('creates controllers without checking whether they exist', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    vm.createIrqChip();
    vm.createPit2();
    const state = vm.save([]);
    const spy = vi.spyOn(selectBackend(backend), 'ioctl');
    try {
      using restored = kvm.createVm();
      restored.restore(state);
      using ready = kvm.createVm();
      ready.createIrqChip();
      ready.createPit2();
      ready.restore(state);
      const asked = spy.mock.calls.filter(
        ([, request]) => request === abi.KVM_GET_IRQCHIP.request || request === abi.KVM_GET_PIT2.request,
      );
      expect(asked).toEqual([]);
      expect(restored.getIrqChip(0).equals(ready.getIrqChip(0))).toBe(true);
    } finally {
      spy.mockRestore();
    }
  });
});
