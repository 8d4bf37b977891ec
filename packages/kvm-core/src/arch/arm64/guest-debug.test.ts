import { expect, test } from 'vitest';
import { arm64Guest, entry, onArm64 } from '../../../test/arm64.js';
import { exitOf } from '../../../test/run.js';
import { Cap, ExitReason } from '../../abi/arm64/index.js';
import type { Vcpu } from './vcpu.js';

const nop = 0xd503_201f;
const brk = 0xd420_0000;
/** str x0, [x1] */
const store = 0xf900_0020;
const loop = 0x1400_0000;

/** The class of an exception, in the upper bits of its syndrome. */
const ExceptionClass = { Breakpoint: 0x30, SoftwareStep: 0x32, Watchpoint: 0x34, Brk: 0x3c };

/** Runs to the next stop for the debugger. Returns why and where it stopped. */
function stop(vcpu: Vcpu): { why: number; pc: bigint; far: bigint } {
  const exit = exitOf(vcpu);
  if (exit.reason !== ExitReason.Debug) throw new Error(`exit reason ${exit.reason}`);
  const { hsr, far } = exit.debug.arch;
  return { why: hsr >>> 26, pc: vcpu.getCoreReg('pc'), far };
}

onArm64('an arm64 guest under a debugger', (backend) => {
  test('stops after each instruction', () => {
    using guest = arm64Guest(backend, [nop, nop, nop, loop]);
    guest.vcpu.setGuestDebug({ singleStep: true });
    for (const steps of [1n, 2n, 3n]) {
      expect(stop(guest.vcpu)).toMatchObject({ why: ExceptionClass.SoftwareStep, pc: entry + 4n * steps });
    }
  });

  test('stops at BRK until that is turned off', () => {
    using guest = arm64Guest(backend, [nop, brk, loop]);
    guest.vcpu.setGuestDebug({ softwareBreakpoints: true });
    expect(stop(guest.vcpu)).toMatchObject({ why: ExceptionClass.Brk, pc: entry + 4n });
    guest.vcpu.setCoreReg('pc', entry + 8n);
    guest.vcpu.setGuestDebug();
    guest.vcpu.kick();
    expect(guest.vcpu.run().reason).toBe(ExitReason.Intr);
  });

  test('stops before an instruction with a breakpoint', (context) => {
    using guest = arm64Guest(backend, [nop, nop, nop, loop]);
    if (guest.kvm.checkExtension(Cap.GuestDebugHwBps) === 0) context.skip('the host lacks KVM_CAP_GUEST_DEBUG_HW_BPS');
    guest.vcpu.setGuestDebug({ breakpoints: [{ address: entry + 8n }] });
    expect(stop(guest.vcpu)).toMatchObject({ why: ExceptionClass.Breakpoint, pc: entry + 8n });
  });

  test('stops before a write to a watchpoint, and reports the address', (context) => {
    using guest = arm64Guest(backend, [nop, store, loop]);
    if (guest.kvm.checkExtension(Cap.GuestDebugHwWps) === 0) context.skip('the host lacks KVM_CAP_GUEST_DEBUG_HW_WPS');
    guest.vcpu.setCoreReg('x1', 0x2000n);
    guest.vcpu.setGuestDebug({ breakpoints: [{ address: 0x2004n, on: 'write', length: 4 }] });
    const { why, pc, far } = stop(guest.vcpu);
    expect({ why, pc }).toEqual({ why: ExceptionClass.Watchpoint, pc: entry + 4n });
    expect(far & ~7n).toBe(0x2000n);
  });
});
