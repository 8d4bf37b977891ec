import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { kvmError } from '../../../test/errors.js';
import { entry, onRiscv, riscvGuest } from '../../../test/riscv.js';
import { exitOf } from '../../../test/run.js';
import {
  Cap,
  ExitReason,
  KVM_INTERRUPT_SET,
  KVM_INTERRUPT_UNSET,
  MpState,
  SystemEvent,
} from '../../abi/riscv/index.js';
import type { Exit } from './exit.js';
import { doubleReg, FcsrReg, floatReg, IsaExtReg, SbiExtReg, VectorCsr, vectorReg } from './extensions.js';
import { Kvm } from './kvm.js';
import { ConfigReg, CoreReg, Csr, TimerReg } from './register-ids.js';

const { EBUSY, EINVAL, ENOENT } = constants.errno;

function off(exit: Exit): boolean {
  return exit.reason === ExitReason.SystemEvent && exit.systemEvent.type === SystemEvent.Shutdown;
}

onRiscv('a vCPU of riscv', (backend) => {
  test('keeps the value of every core register that is set', () => {
    using guest = riscvGuest(backend, 'off');
    const { vcpu } = guest;
    const names = (Object.keys(CoreReg) as (keyof typeof CoreReg)[]).filter((name) => name !== 'mode');
    for (const [i, name] of names.entries()) vcpu.setCoreReg(name, 0xffff_ffff_0000_1000n + BigInt(4 * i));
    for (const [i, name] of names.entries()) {
      expect(vcpu.getCoreReg(name), name).toBe(0xffff_ffff_0000_1000n + BigInt(4 * i));
    }
    expect(vcpu.getCoreReg('mode')).toBe(1n);
    vcpu.setCoreReg('mode', 0n);
    expect(vcpu.getCoreReg('mode')).toBe(0n);
  });

  test('keeps the values of CSRs that are set', () => {
    using guest = riscvGuest(backend, 'off');
    const { vcpu } = guest;
    for (const name of ['stvec', 'sscratch', 'sepc', 'scause', 'stval'] as const) {
      vcpu.setCsr(name, 0x1234_5000n);
      expect(vcpu.getCsr(name), name).toBe(0x1234_5000n);
    }
  });

  test('refuses unknown names, and values that do not fit', () => {
    using guest = riscvGuest(backend, 'off');
    const { vcpu } = guest;
    const wrong = (value: unknown): never => value as never;
    for (const name of ['x0', 'PC', 'toString', wrong(5), wrong(undefined)]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.getCoreReg(wrong(name)));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setCsr(wrong(name), 0n));
    }
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.setCoreReg('a0', 1n << 64n));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.setOneReg(floatReg(0), 1n << 32n));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setOneReg(vectorReg(0, 16), 0n));
    expect([EINVAL, ENOENT]).toContain(kvmError('ERR_KVM_SYSCALL', () => vcpu.getOneReg(1n)).errno);
  });

  test('lists registers that this package has names for', () => {
    using guest = riscvGuest(backend, 'off');
    const listed = new Set(guest.vcpu.getRegList());
    for (const [name, id] of Object.entries(CoreReg)) expect(listed, name).toContain(id);
    for (const id of [ConfigReg.isa, Csr.sstatus, TimerReg.time, SbiExtReg.Time]) expect(listed).toContain(id);
  });

  test('has floating-point registers, and vector registers if the host has them', (context) => {
    using guest = riscvGuest(backend, 'off');
    const { vcpu } = guest;
    vcpu.setOneReg(doubleReg(7), 0x3ff0_0000_0000_0000n);
    expect(vcpu.getOneReg(doubleReg(7))).toBe(0x3ff0_0000_0000_0000n);
    vcpu.setOneReg(FcsrReg.d, 0x1fn);
    expect(vcpu.getOneReg(FcsrReg.d)).toBe(0x1fn);
    if (!vcpu.getRegList().includes(VectorCsr.vlenb)) return context.skip('the host lacks the extension V');
    const vlenb = Number(vcpu.getOneReg(VectorCsr.vlenb));
    const bytes = new Uint8Array(vlenb).map((_, i) => i + 1);
    vcpu.setOneReg(vectorReg(31, vlenb), bytes);
    expect(vcpu.getOneReg(vectorReg(31, vlenb))).toEqual(bytes);
  });

  test('lets an extension be turned off only before its first run', () => {
    using guest = riscvGuest(backend, 'off');
    const { vcpu } = guest;
    expect(vcpu.getOneReg(SbiExtReg.Experimental)).toBe(1n);
    vcpu.setOneReg(SbiExtReg.Experimental, 0n);
    expect(vcpu.getOneReg(SbiExtReg.Experimental)).toBe(0n);
    expect(off(exitOf(vcpu))).toBe(true);
    const late = kvmError('ERR_KVM_SYSCALL', () => vcpu.setOneReg(SbiExtReg.Experimental, 1n));
    expect(late.errno).toBe(EBUSY);
    expect(late.hint).toMatch(/before the vCPU has run/);
  });

  test('exits for an SBI call with all its arguments', () => {
    using guest = riscvGuest(backend, 'sbi');
    const { vcpu, memory } = guest;
    const exit = exitOf(vcpu);
    if (exit.reason !== ExitReason.RiscvSbi) throw new Error(`exit reason ${exit.reason}`);
    const { extensionId, functionId, args, ret } = exit.riscvSbi;
    expect([extensionId, functionId, ...args]).toEqual([0x0800_0000n, 7n, 0x11n, 0x12n, 0x13n, 0x14n, 0x15n, 0x16n]);
    ret[0] = 0n;
    ret[1] = 0xfedc_ba98_7654_3210n;
    expect(off(exitOf(vcpu))).toBe(true);
    const results = new BigUint64Array(memory.read(0x2000, 16).buffer);
    expect([...results]).toEqual([0n, 0xfedc_ba98_7654_3210n]);
  });

  test('exits for a CSR that user space emulates', (context) => {
    using guest = riscvGuest(backend, 'csr');
    const { vcpu, memory } = guest;
    const has = vcpu.getRegList().includes(IsaExtReg.Zkr) && vcpu.getOneReg(IsaExtReg.Zkr) === 1n;
    if (!has) return context.skip('the host lacks the extension Zkr');
    const exit = exitOf(vcpu);
    if (exit.reason !== ExitReason.RiscvCsr) throw new Error(`exit reason ${exit.reason}`);
    const { csrNum, newValue, writeMask } = exit.riscvCsr;
    expect([csrNum, newValue, writeMask]).toEqual([0x15n, 0n, 0xffff_ffff_ffff_ffffn]);
    exit.riscvCsr.retValue = 0x8000_4242n;
    expect(off(exitOf(vcpu))).toBe(true);
    expect(new BigUint64Array(memory.read(0x2000, 8).buffer)[0]).toBe(0x8000_4242n);
  });

  test('has a pending external interrupt while it is raised', () => {
    using guest = riscvGuest(backend, 'off');
    const { vcpu } = guest;
    const seip = 1n << 9n;
    vcpu.interrupt(KVM_INTERRUPT_SET);
    expect(vcpu.getCsr('sip') & seip).toBe(seip);
    vcpu.interrupt(KVM_INTERRUPT_UNSET);
    expect(vcpu.getCsr('sip') & seip).toBe(0n);
  });

  test('stops at EBREAK for a debugger until that is turned off', (context) => {
    const ebreak = 0x0010_0073;
    const loop = 0x0000_006f;
    using guest = riscvGuest(backend, [ebreak, loop]);
    const { kvm, vcpu } = guest;
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setGuestDebug({ softwareBreakpoints: 1 as never }));
    if (kvm.checkExtension(Cap.SetGuestDebug) === 0) context.skip('the host lacks KVM_CAP_SET_GUEST_DEBUG');
    vcpu.setGuestDebug({ softwareBreakpoints: true });
    expect(exitOf(vcpu).reason).toBe(ExitReason.Debug);
    expect(vcpu.getCoreReg('pc')).toBe(entry);
    vcpu.setCoreReg('pc', entry + 4n);
    vcpu.setGuestDebug();
    vcpu.kick();
    expect(vcpu.run().reason).toBe(ExitReason.Intr);
  });

  test('starts runnable if it is the first, and stopped if not', (context) => {
    using kvm = Kvm.open({ backend });
    if (kvm.checkExtension(Cap.MpState) === 0) context.skip('the host lacks KVM_CAP_MP_STATE');
    using vm = kvm.createVm();
    using first = vm.createVcpu(0);
    using second = vm.createVcpu(1);
    expect([first.getMpState(), second.getMpState()]).toEqual([MpState.Runnable, MpState.Stopped]);
    second.kick();
    expect(second.run().reason).toBe(ExitReason.Intr);
    second.setMpState(MpState.Runnable);
    expect(second.getMpState()).toBe(MpState.Runnable);
  });
});
