import { expect, test } from 'vitest';
import { onEachBackend } from '../../../../test/backends.js';
import { kvmError } from '../../../../test/errors.js';
import { codeAddress, realModeGuest } from '../../../../test/real-mode.js';
import { exitOf } from '../../../../test/run.js';
import { Cap, ExitReason, GuestDebug, KvmDebugRegs } from '../../../abi/x86/index.js';
import { guestDebug } from '../guest-debug.js';
import { Kvm } from '../kvm.js';
import { enterMode } from '../mode.js';
import type { Vcpu } from './vcpu.js';

const wrong = (value: unknown): never => value as never;
const DB = 1;
const BP = 3;
const nop = 0x90;
const hlt = 0xf4;

/** The place and exception at which the guest stopped for its debugger; undefined if it exited for another reason. */
function stop(vcpu: Vcpu): { pc: number; exception: number; dr6: bigint } | undefined {
  const exit = exitOf(vcpu);
  if (exit.reason !== ExitReason.Debug) return undefined;
  const { pc, exception, dr6 } = exit.debug.arch;
  return { pc: Number(pc), exception, dr6 };
}

onEachBackend('a guest under a debugger', (backend) => {
  test('stops after each instruction until that is turned off', (context) => {
    using guest = realModeGuest(backend, [nop, nop, nop, hlt]);
    const { vcpu } = guest;
    vcpu.setGuestDebug({ singleStep: true });
    const first = stop(vcpu);
    if (first === undefined) return context.skip('this host cannot stop after one instruction of real mode');
    expect(first).toMatchObject({ pc: codeAddress + 1, exception: DB });
    expect(stop(vcpu)).toMatchObject({ pc: codeAddress + 2, exception: DB });
    expect(vcpu.getRegs().rip).toBe(BigInt(codeAddress + 2));
    vcpu.setGuestDebug();
    expect(exitOf(vcpu).reason).toBe(ExitReason.Hlt);
  });

  test('stops before an instruction with a breakpoint, and reports which', (context) => {
    using guest = realModeGuest(backend, [nop, nop, nop, hlt]);
    const { vcpu } = guest;
    vcpu.setGuestDebug({
      breakpoints: [{ address: 0x9000n }, { address: BigInt(codeAddress + 2), on: 'execute' }],
    });
    const place = stop(vcpu);
    if (place === undefined) return context.skip('this host does not support instruction breakpoints in real mode');
    expect(place).toMatchObject({ pc: codeAddress + 2, exception: DB });
    // DR6 has a bit for each of the four breakpoints.
    expect(place.dr6 & 0b1111n).toBe(0b0010n);
    vcpu.setGuestDebug({});
    expect(exitOf(vcpu).reason).toBe(ExitReason.Hlt);
  });

  test('stops after a write to a watched address', (context) => {
    // mov [0x2000], al; nop; hlt
    using guest = realModeGuest(backend, [0xa2, 0x00, 0x20, nop, hlt]);
    guest.vcpu.setGuestDebug({ breakpoints: [{ address: 0x2000n, on: 'write', length: 4 }] });
    const place = stop(guest.vcpu);
    if (place === undefined) return context.skip('this host does not support data breakpoints in real mode');
    expect(place).toMatchObject({ pc: codeAddress + 3, exception: DB });
  });

  test('stops at INT3, which otherwise raises #BP in the guest', (context) => {
    using guest = realModeGuest(backend, [nop, 0xcc, nop, hlt]);
    const { vcpu, memory } = guest;
    // The guest's handler: out 0x11, al; hlt.
    memory.write(BP * 4, Uint8Array.of(0x00, 0x30, 0, 0));
    memory.write(0x3000, Uint8Array.of(0xe6, 0x11, hlt));
    vcpu.setGuestDebug({ softwareBreakpoints: true });
    const place = stop(vcpu);
    if (place === undefined) return context.skip('this host does not stop at INT3 in real mode');
    expect(place).toMatchObject({ pc: codeAddress + 1, exception: BP });
  });

  test('gets the exceptions that its debugger injects', () => {
    using guest = realModeGuest(backend, [nop, hlt]);
    const { vcpu, memory } = guest;
    memory.write(DB * 4, Uint8Array.of(0x00, 0x30, 0, 0));
    memory.write(0x3000, Uint8Array.of(0xe6, 0x11, hlt));
    vcpu.setGuestDebug({ inject: 'debug' });
    const error = kvmError('ERR_KVM_SYSCALL', () => vcpu.setGuestDebug({ inject: 'breakpoint' }));
    expect(error.hint).toMatch(/exception is pending/);
    const exit = exitOf(vcpu);
    expect(exit.reason === ExitReason.Io && exit.io.port).toBe(0x11);
  });

  test('can block interrupts if the host supports it', (context) => {
    using guest = realModeGuest(backend, [hlt]);
    const features = guest.kvm.capabilities().value(Cap.SetGuestDebug2);
    if ((features & GuestDebug.BlockIrq) === 0) return context.skip('the host lacks KVM_GUESTDBG_BLOCKIRQ');
    guest.vcpu.setGuestDebug({ singleStep: true, blockIrq: true });
  });

  test('cannot have breakpoints that no processor supports', () => {
    using guest = realModeGuest(backend, [hlt]);
    const { vcpu } = guest;
    for (const value of [
      null,
      5,
      [],
      { breakpoints: 5 },
      { breakpoints: [5] },
      { breakpoints: [{}] },
      { inject: 'x' },
    ]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setGuestDebug(wrong(value)));
    }
    const one = { address: 0x1000n };
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.setGuestDebug({ breakpoints: [one, one, one, one, one] }));
    for (const breakpoint of [
      { ...one, on: 'read' },
      { ...one, on: 'write', length: 3 },
      { ...one, on: 'write', length: 'toString' },
      { address: 0x1001n, on: 'write', length: 4 },
      { ...one, length: 2 },
    ]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setGuestDebug({ breakpoints: [wrong(breakpoint)] }));
    }
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.setGuestDebug({ breakpoints: [{ address: -1n }] }));
  });

  test('has its own debug registers', () => {
    using guest = realModeGuest(backend, [hlt]);
    const { vcpu } = guest;
    const registers = vcpu.getDebugRegs();
    registers.db[2] = 0x1234n;
    registers.dr7 |= 0b10_0000n;
    vcpu.setDebugRegs(registers);
    expect(vcpu.getDebugRegs(new KvmDebugRegs()).equals(registers)).toBe(true);
    expect(kvmError('ERR_KVM_SYSCALL', () => vcpu.setDebugRegs({ flags: 1n })).hint).toMatch(/flags must be 0/);
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setDebugRegs(wrong(7)));
  });
});

onEachBackend('a linear address', (backend) => {
  test('is translated with the page tables of the guest', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using memory = kvm.allocateMemory({ size: 0x10_0000 });
    vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory });
    using vcpu = vm.createVcpu(0);
    // AMD hosts refuse long mode if the CPUID lacks it.
    vcpu.setCpuid2(kvm.getSupportedCpuid());
    enterMode(vcpu, 'long', { memory, tables: 0x2000n, entry: 0x1000n, stackTop: 0x1000n });
    expect(vcpu.translate(0x12_3456n)).toBe(0x12_3456n);
    expect(vcpu.translate(0x7fff_0000_0000n)).toBeUndefined();
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.translate(wrong('0x1000')));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.translate(-1n));
  });
});

test('breakpoints are encoded in DR0 to DR3 and DR7 as in the manuals', () => {
  const { control, arch } = guestDebug({
    breakpoints: [
      { address: 1n },
      { address: 2n, on: 'write', length: 2 },
      { address: 8n, on: 'access', length: 8 },
      { address: 4n, on: 'write', length: 4 },
    ],
  }) as { control: number; arch: { debugReg: BigUint64Array } };
  expect(control).toBe(GuestDebug.Enable | GuestDebug.UseHwBp);
  expect([...arch.debugReg]).toEqual([1n, 2n, 8n, 4n, 0n, 0n, 0n, 0xdb50_06aan]);
});
