import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../../../test/backends.js';
import { kvmError } from '../../../../test/errors.js';
import { interruptible, Port } from '../../../../test/interruptible.js';
import { realModeGuest } from '../../../../test/real-mode.js';
import { exitOf } from '../../../../test/run.js';
import { Cap, ExitReason, KvmLapicState, MpState } from '../../../abi/x86/index.js';
import { Kvm } from '../kvm.js';
import { Lapic, LapicRegister } from '../lapic.js';

const { EEXIST, EINVAL, ENXIO } = constants.errno;

onEachBackend('the interrupts of an x86 vCPU', (backend) => {
  test('are queued by vector without a controller in the kernel', () => {
    // again: sti; nop; hlt; jmp again - and for vector 0x30: out 0x11, al; iret
    using guest = realModeGuest(backend, [0xfb, 0x90, 0xf4, 0xeb, 0xfb]);
    guest.memory.write(0x30 * 4, Uint8Array.of(0x00, 0x20, 0, 0));
    guest.memory.write(0x2000, Uint8Array.of(0xe6, 0x11, 0xcf));
    expect(exitOf(guest.vcpu).reason).toBe(ExitReason.Hlt);
    for (let i = 0; i < 3; i++) {
      expect(guest.vcpu.kvmRun.readyForInterruptInjection).toBe(1);
      guest.vcpu.interrupt(0x30);
      const exit = exitOf(guest.vcpu);
      if (exit.reason !== ExitReason.Io) throw new Error(`exit reason ${exit.reason}`);
      expect(exit.io.port).toBe(0x11);
      expect(exitOf(guest.vcpu).reason).toBe(ExitReason.Hlt);
    }
    expect(kvmError('ERR_KVM_SYSCALL', () => guest.vcpu.interrupt(256)).errno).toBe(EINVAL);
    kvmError('ERR_KVM_OUT_OF_RANGE', () => guest.vcpu.interrupt(-1));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => guest.vcpu.interrupt('48' as never));
  });

  test('have a window at which a run can exit', () => {
    // cli; nop; nop; sti; again: nop; jmp again
    using guest = realModeGuest(backend, [0xfa, 0x90, 0x90, 0xfb, 0x90, 0xeb, 0xfd]);
    guest.vcpu.kvmRun.requestInterruptWindow = 1;
    expect(exitOf(guest.vcpu).reason).toBe(ExitReason.IrqWindowOpen);
    expect(guest.vcpu.kvmRun.readyForInterruptInjection).toBe(1);
    expect(guest.vcpu.getRegs().rip).toBeGreaterThan(0x1003n);
  });

  test('cannot be queued by vector with a controller in the kernel', () => {
    using guest = interruptible(backend, (vm) => vm.createIrqChip());
    const error = kvmError('ERR_KVM_SYSCALL', () => guest.vcpu.interrupt(0x30));
    expect(error).toMatchObject({ errno: ENXIO, ioctl: 'KVM_INTERRUPT' });
    expect(error.hint).toMatch(/irqLine/);
  });

  test('are queued one at a time with a split interrupt controller', () => {
    using guest = interruptible(backend, (vm) => vm.createSplitIrqChip(24));
    guest.vcpu.interrupt(0x30);
    expect(kvmError('ERR_KVM_SYSCALL', () => guest.vcpu.interrupt(0x31))).toMatchObject({ errno: EEXIST });
    expect(guest.next()[0]).toBe(Port.Ready);
    expect(guest.next()).toEqual([Port.Taken, 0x30]);
  });

  test('include NMIs', () => {
    using guest = interruptible(backend, (vm) => vm.createIrqChip());
    expect(guest.next()[0]).toBe(Port.Ready);
    guest.vcpu.nmi();
    expect(guest.next()).toEqual([Port.Taken, 2]);
  });

  test('include SMIs if the host supports them', () => {
    using guest = interruptible(backend, (vm) => vm.createIrqChip());
    if (guest.kvm.checkExtension(Cap.X86Smm) > 0) guest.vcpu.smi();
    else expect(kvmError('ERR_KVM_UNSUPPORTED', () => guest.vcpu.smi()).message).toMatch(/KVM_CAP_X86_SMM/);
  });

  test('go through a local APIC whose registers can be read and set', () => {
    using guest = interruptible(backend, (vm) => vm.createIrqChip());
    const lapic = guest.vcpu.getLapic();
    expect(lapic).toBeInstanceOf(Lapic);
    expect(lapic.get(LapicRegister.Id) >>> 24).toBe(0);
    expect(lapic.get(LapicRegister.Version) & 0xff).toBeGreaterThanOrEqual(0x10);
    lapic.set(LapicRegister.Tpr, 0x20);
    lapic.set(LapicRegister.Svr, 0x1ff);
    lapic.set(LapicRegister.LvtTimer, 0x1_0040);
    guest.vcpu.setLapic(lapic);
    const again = new Lapic();
    expect(guest.vcpu.getLapic(again)).toBe(again);
    expect([again.get(LapicRegister.Tpr), again.get(LapicRegister.Svr)]).toEqual([0x20, 0x1ff]);
    expect(again.get(LapicRegister.LvtTimer)).toBe(0x1_0040);
    guest.vcpu.setLapic(KvmLapicState.at(again.bytes));
    guest.vcpu.setLapic({ regs: again.regs });
    expect(guest.vcpu.getLapic().get(LapicRegister.Tpr)).toBe(0x20);
    for (const use of [
      () => guest.vcpu.getLapic(null as never),
      () => guest.vcpu.getLapic({} as never),
      () => guest.vcpu.setLapic(null as never),
      () => guest.vcpu.setLapic(again.bytes as never),
    ]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', use);
    }
  });

  test('need the local APIC in the kernel for its calls, with a hint', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    for (const use of [() => vcpu.getLapic(), () => vcpu.setLapic(new Lapic()), () => vcpu.setVapicAddr(0x1000n)]) {
      const error = kvmError('ERR_KVM_SYSCALL', use);
      expect(error.errno).toBe(EINVAL);
      expect(error.hint).toMatch(/no local APIC in the kernel/);
    }
    expect(kvmError('ERR_KVM_SYSCALL', () => vcpu.setMpState(MpState.Halted)).hint).toMatch(/local APIC in the kernel/);
  });

  test('share the task priority at an address in guest memory', () => {
    using guest = interruptible(backend, (vm) => vm.createIrqChip());
    guest.vcpu.tprAccessReporting(true);
    guest.vcpu.setVapicAddr(0x3000n);
    expect(guest.next()[0]).toBe(Port.Ready);
    guest.vcpu.setVapicAddr(0n);
    guest.vcpu.tprAccessReporting(false);
    expect(kvmError('ERR_KVM_SYSCALL', () => guest.vcpu.setVapicAddr(1n << 40n)).hint).toMatch(
      /no memory at the address/,
    );
    kvmError('ERR_KVM_OUT_OF_RANGE', () => guest.vcpu.setVapicAddr(-1n));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => guest.vcpu.setVapicAddr(undefined as never));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => guest.vcpu.tprAccessReporting(1 as never));
  });

  test('depend on the MP state of the vCPU, which can be read and set', () => {
    using guest = interruptible(backend, (vm) => vm.createIrqChip());
    expect(guest.vcpu.getMpState()).toBe(MpState.Runnable);
    using second = guest.vm.createVcpu(1);
    // It waits until the first vCPU starts it.
    expect(second.getMpState()).toBe(MpState.Uninitialized);
    second.setMpState(MpState.Runnable);
    expect(second.getMpState()).toBe(MpState.Runnable);
    second.setMpState(MpState.Halted);
    expect(second.getMpState()).toBe(MpState.Halted);
    kvmError('ERR_KVM_OUT_OF_RANGE', () => second.setMpState(-1 as never));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => second.setMpState(undefined as never));
  });

  test('are refused once the vCPU is closed', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    const vcpu = vm.createVcpu(0);
    vcpu.close();
    for (const use of [
      () => vcpu.interrupt(0x30),
      () => vcpu.nmi(),
      () => vcpu.smi(),
      () => vcpu.getLapic(),
      () => vcpu.setLapic(new Lapic()),
      () => vcpu.tprAccessReporting(true),
      () => vcpu.setVapicAddr(0n),
      () => vcpu.getMpState(),
      () => vcpu.setMpState(MpState.Runnable),
    ]) {
      kvmError('ERR_KVM_CLOSED', use);
    }
  });
});
