import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../../../test/backends.js';
import { kvmError } from '../../../../test/errors.js';
import { realModeGuest } from '../../../../test/real-mode.js';
import { exitOf } from '../../../../test/run.js';
import { Cap } from '../../../abi/x86/index.js';
import { KvmError } from '../../../errors/kvm-error.js';
import { Kvm } from '../kvm.js';

const wrong = (value: unknown): never => value as never;
/** The MSR with which a guest sets the address of its clock page; bit 0 enables the clock. */
const KVM_SYSTEM_TIME_NEW = 0x4b56_4d01;

onEachBackend('the time-stamp counter of a vCPU', (backend) => {
  test('has a frequency that can be changed', (context) => {
    using guest = realModeGuest(backend, [0xf4]);
    const { kvm, vcpu } = guest;
    const khz = vcpu.getTscKhz();
    expect(khz).toBeGreaterThan(10_000);
    vcpu.setTscKhz(khz * 2);
    expect(vcpu.getTscKhz()).toBe(khz * 2);
    vcpu.setTscKhz(0);
    // After boot the kernel measures the host's frequency twice. The vCPU was created with the first result.
    expect(Math.abs(vcpu.getTscKhz() / khz - 1)).toBeLessThan(0.001);
    if (!kvm.capabilities().has(Cap.TscControl)) {
      const error = kvmError('ERR_KVM_UNSUPPORTED', () => vcpu.setTscKhz(10_000));
      expect(error.message).toMatch(/KVM_SET_TSC_KHZ.*lacks KVM_CAP_TSC_CONTROL, Cap.TscControl \(it came with Linux/);
      return context.skip('the host lacks KVM_CAP_TSC_CONTROL');
    }
    const half = Math.floor(khz / 2);
    vcpu.setTscKhz(half);
    expect(vcpu.getTscKhz()).toBe(half);
  });

  test('has the frequency that was set on the VM before its first vCPU', (context) => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    // No capability reports these calls: from 5.16 on, hosts without the scaling of KVM_CAP_VM_TSC_CONTROL have them
    // too.
    try {
      vm.getTscKhz();
    } catch (error) {
      if (!(error instanceof KvmError) || error.code !== 'ERR_KVM_UNSUPPORTED') throw error;
      return context.skip('this host has no TSC frequency for VMs');
    }
    // A higher frequency also works on hosts without TSC scaling.
    const double = vm.getTscKhz() * 2;
    vm.setTscKhz(double);
    expect(vm.getTscKhz()).toBe(double);
    using vcpu = vm.createVcpu(0);
    expect(vcpu.getTscKhz()).toBe(double);
  });

  test('refuses frequencies that are not a whole number of kHz', () => {
    using guest = realModeGuest(backend, [0xf4]);
    for (const object of [guest.vcpu, guest.vm]) {
      for (const value of [undefined, null, 'fast', {}]) {
        kvmError('ERR_KVM_INVALID_ARGUMENT', () => object.setTscKhz(wrong(value)));
      }
      kvmError('ERR_KVM_OUT_OF_RANGE', () => object.setTscKhz(-1));
      kvmError('ERR_KVM_OUT_OF_RANGE', () => object.setTscKhz(2 ** 32));
    }
  });
});

onEachBackend('kvmclock', (backend) => {
  test('reports a pause to the guest in its clock page', () => {
    using guest = realModeGuest(backend, [0xf4]);
    const { kvm, vcpu, memory } = guest;
    const error = kvmError('ERR_KVM_SYSCALL', () => vcpu.kvmclockCtrl());
    expect(error).toMatchObject({ errno: constants.errno.EINVAL, hint: 'the guest has not set up kvmclock' });
    vcpu.setCpuid2(kvm.getSupportedCpuid());
    const page = 0x4000;
    vcpu.setMsrs([{ index: KVM_SYSTEM_TIME_NEW, data: BigInt(page) | 1n }]);
    vcpu.kvmclockCtrl();
    exitOf(vcpu);
    // struct pvclock_vcpu_time_info ends in flags, at byte 29; PVCLOCK_GUEST_STOPPED is its bit 1.
    expect((memory.read(page + 29, 1)[0] ?? 0) & 2).toBe(2);
  });
});
