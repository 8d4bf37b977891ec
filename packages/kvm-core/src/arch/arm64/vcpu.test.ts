import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { arm64Guest, entry, onArm64 } from '../../../test/arm64.js';
import { kvmError } from '../../../test/errors.js';
import { exitOf } from '../../../test/run.js';
import { Cap, ExitReason, MpState, SystemEvent, VcpuFeature } from '../../abi/arm64/index.js';
import { CoreReg, type CoreRegName } from './core-regs.js';
import { FirmwareReg, TimerReg } from './firmware-regs.js';
import { Kvm } from './kvm.js';
import { SysReg } from './sys-regs.js';

const { EINVAL, ENOENT, ENOEXEC } = constants.errno;

onArm64('a vCPU of arm64', (backend) => {
  test('has no registers and does not run before it is initialised, with a hint', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    for (const use of [
      () => vcpu.getCoreReg('pc'),
      () => vcpu.setCoreReg('pc', 0n),
      () => vcpu.getRegList(),
      () => vcpu.run(),
    ]) {
      const error = kvmError('ERR_KVM_SYSCALL', use);
      expect(error.errno).toBe(ENOEXEC);
      expect(error.hint).toMatch(/vcpu\.init\(\)/);
    }
  });

  test('is reset by init, which refuses targets and features that the host lacks', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    const { target } = vm.preferredTarget();
    using vcpu = vm.createVcpu(0);
    const wrong = (value: unknown): never => value as never;
    expect(kvmError('ERR_KVM_SYSCALL', () => vcpu.init({ target: 0xfff })).errno).toBe(EINVAL);
    const unknown = kvmError('ERR_KVM_SYSCALL', () => vcpu.init({ target, features: [wrong(31)] }));
    expect([EINVAL, ENOENT]).toContain(unknown.errno);
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.init({ target, features: [wrong(7 * 32)] }));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.init({ target, features: [wrong(-1)] }));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.init({ target, features: wrong(2) }));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.init(wrong(undefined)));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.init({ target: wrong('generic') }));
    vcpu.init({ target, features: [VcpuFeature.Psci0_2] });
    vcpu.setCoreReg('x7', 7n);
    vcpu.init({ target, features: [VcpuFeature.Psci0_2] });
    expect(vcpu.getCoreReg('x7')).toBe(0n);
  });

  test('keeps the value of every core register that is set', () => {
    using guest = arm64Guest(backend, 'off');
    const { vcpu } = guest;
    const names = Object.keys(CoreReg) as CoreRegName[];
    const scalars = names.filter((name): name is Exclude<CoreRegName, `v${number}`> => !/^v|^pstate$/.test(name));
    for (const [i, name] of scalars.entries()) vcpu.setCoreReg(name, 0x0f00_0000n + BigInt(i));
    const vectors = names.filter((name): name is 'v0' => name.startsWith('v'));
    for (const [i, name] of vectors.entries())
      vcpu.setCoreReg(
        name,
        new Uint8Array(16).map((_, j) => 16 * j + i),
      );
    const EL1H = 0x3c5n;
    const EL1T = 0x3c4n;
    expect(vcpu.getCoreReg('pstate')).toBe(EL1H);
    vcpu.setCoreReg('pstate', EL1T);
    expect(vcpu.getCoreReg('pstate')).toBe(EL1T);
    for (const [i, name] of scalars.entries()) expect(vcpu.getCoreReg(name), name).toBe(0x0f00_0000n + BigInt(i));
    for (const [i, name] of vectors.entries()) {
      expect(vcpu.getCoreReg(name), name).toEqual(new Uint8Array(16).map((_, j) => 16 * j + i));
    }
  });

  test('refuses core registers of the wrong length, and unknown ones', () => {
    using guest = arm64Guest(backend, 'off');
    const { vcpu } = guest;
    const wrong = (value: unknown): never => value as never;
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.setCoreReg('v0', new Uint8Array(8)));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setCoreReg('v0', wrong(1n)));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.setCoreReg('fpcr', 1n << 32n));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.setCoreReg('x0', 1n << 64n));
    for (const name of ['x31', 'PC', 'toString', '', wrong(5), wrong(undefined)]) {
      expect(kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.getCoreReg(wrong(name))).message).toMatch(
        /no core register named/,
      );
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setSysReg(wrong(name), 0n));
    }
  });

  test('keeps the system registers that are set, but not features that the host lacks', () => {
    using guest = arm64Guest(backend, 'off');
    const { vcpu } = guest;
    for (const name of ['TPIDR_EL1', 'TPIDR_EL0', 'VBAR_EL1', 'TTBR0_EL1', 'FAR_EL1', 'MAIR_EL1'] as const) {
      vcpu.setSysReg(name, 0x1234_5000n);
      expect(vcpu.getSysReg(name), name).toBe(0x1234_5000n);
    }
    // Affinity 0. The mask leaves out the bits that describe a multiprocessor.
    expect(vcpu.getSysReg('MPIDR_EL1') & 0xff_00ff_ffffn).toBe(0n);
    const frame = vcpu.getSysReg('ID_AA64MMFR0_EL1');
    vcpu.setSysReg('ID_AA64MMFR0_EL1', frame);
    const more = kvmError('ERR_KVM_SYSCALL', () => vcpu.setSysReg('ID_AA64MMFR0_EL1', ~frame & 0xffff_ffff_ffff_ffffn));
    expect(more.ioctl).toBe('KVM_SET_ONE_REG');
    expect(kvmError('ERR_KVM_SYSCALL', () => vcpu.getSysReg('HCR_EL2')).hint).toMatch(/no such register/);
  });

  test('lists registers that this package has names for', () => {
    using guest = arm64Guest(backend, 'off');
    const listed = new Set(guest.vcpu.getRegList());
    for (const [name, id] of Object.entries(CoreReg)) expect(listed, name).toContain(id);
    for (const id of [FirmwareReg.psciVersion, TimerReg.CNTV_CVAL_EL0, SysReg.SCTLR_EL1, SysReg.DBGBVR5_EL1]) {
      expect(listed).toContain(id);
    }
    // PSCI 1.0 or newer.
    expect(guest.vcpu.getOneReg(FirmwareReg.psciVersion)).toBeGreaterThanOrEqual(0x1_0000n);
  });

  test('exits with a shutdown event for a PSCI call', () => {
    using guest = arm64Guest(backend, 'off');
    const exit = exitOf(guest.vcpu);
    if (exit.reason !== ExitReason.SystemEvent) throw new Error(`exit reason ${exit.reason}`);
    expect(exit.systemEvent.type).toBe(SystemEvent.Shutdown);
    expect(guest.vcpu.getCoreReg('pc')).toBeGreaterThan(entry);
  });

  test('that is initialised powered off stays stopped until it is started', (context) => {
    using kvm = Kvm.open({ backend });
    if (kvm.checkExtension(Cap.MpState) === 0) context.skip('the host lacks KVM_CAP_MP_STATE');
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    vcpu.init({ target: vm.preferredTarget().target, features: [VcpuFeature.Psci0_2, VcpuFeature.PowerOff] });
    expect(vcpu.getMpState()).toBe(MpState.Stopped);
    vcpu.kick();
    expect(vcpu.run().reason).toBe(ExitReason.Intr);
    vcpu.setMpState(MpState.Runnable);
    expect(vcpu.getMpState()).toBe(MpState.Runnable);
  });

  test('keeps a pending system error', (context) => {
    using guest = arm64Guest(backend, 'off');
    const { kvm, vcpu } = guest;
    if (kvm.checkExtension(Cap.VcpuEvents) === 0) context.skip('the host lacks KVM_CAP_VCPU_EVENTS');
    expect(vcpu.getVcpuEvents().exception.serrorPending).toBe(0);
    vcpu.setVcpuEvents({ exception: { serrorPending: 1 } });
    expect(vcpu.getVcpuEvents().exception.serrorPending).toBe(1);
    expect(kvmError('ERR_KVM_SYSCALL', () => vcpu.setVcpuEvents({ reserved: [1] })).errno).toBe(EINVAL);
  });

  test('cannot finalize SVE without SVE', (context) => {
    using guest = arm64Guest(backend, 'off');
    if (guest.kvm.checkExtension(Cap.ArmSve) !== 0) context.skip('the host has KVM_CAP_ARM_SVE');
    const error = kvmError('ERR_KVM_UNSUPPORTED', () => guest.vcpu.finalize(VcpuFeature.Sve));
    expect(error.message).toMatch(/KVM_CAP_ARM_SVE/);
    kvmError('ERR_KVM_OUT_OF_RANGE', () => guest.vcpu.finalize(-1 as never));
  });

  test('runs with SVE once SVE is finalized', (context) => {
    using kvm = Kvm.open({ backend });
    if (kvm.checkExtension(Cap.ArmSve) === 0) context.skip('the host lacks KVM_CAP_ARM_SVE');
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    vcpu.init({ target: vm.preferredTarget().target, features: [VcpuFeature.Psci0_2, VcpuFeature.Sve] });
    expect(kvmError('ERR_KVM_SYSCALL', () => vcpu.run()).hint).toMatch(/finalize/);
    vcpu.finalize(VcpuFeature.Sve);
    vcpu.kick();
    expect(vcpu.run().reason).toBe(ExitReason.Intr);
  });
});
