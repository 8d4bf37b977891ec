import { expect, test } from 'vitest';
import {
  Cap,
  ExitReason,
  GuestDebug,
  type GuestMemory,
  KVM_SET_GUEST_DEBUG,
  KvmGuestDebug,
  type StructInit,
} from '../src/index.js';
import { onEachBackend } from '../test/backends.js';
import { code16, code64 } from './guest/listing.js';
import { entry, type Machine, machine, missing, needs, runFor, runTo, type Skipping } from './machine.js';

/** Instructions at 0x1000, 0x1003, 0x1004, 0x1009. */
const steps = code64`
  48 ff c0        ; inc rax
  90              ; nop
  bb 05 00 00 00  ; mov ebx, 5
  f4              ; hlt
`;

const data = 0x8000n;

/** Writes, and then reads, at 0x1002 and 0x1004. */
const writeAndRead = code64`
  89 03  ; mov dword ptr [rbx], eax
  8b 0b  ; mov ecx, dword ptr [rbx]
  90     ; nop
  f4     ; hlt
`;

const breakpoint = code16`
  40  ; inc ax
  cc  ; int3
  40  ; inc ax
  f4  ; hlt
`;

const breakpointHandler = code16`
  bb 07 00  ; mov bx, 7
  cf        ; iret
`;

const debugException = 1;
const breakpointException = 3;
const singleStep = 1n << 14n;

/** Gives a guest in real mode its own handler of INT3. */
function handleBreakpoints(memory: GuestMemory): void {
  memory.write(0x4000, breakpointHandler);
  memory.write(4 * breakpointException, Uint8Array.of(0x00, 0x40, 0, 0));
}

/** Makes the raw call that a case is about to make by the method. DR7 holds what the registers watch. */
const raw = {
  'single-step': { control: GuestDebug.Enable | GuestDebug.SingleStep },
  'a breakpoint on an instruction': watch(0x1004n, 0x602n),
  'a write to watched memory': watch(data, 0xd_0602n),
  'an access to watched memory': watch(data, 0x3_0602n),
  INT3: { control: GuestDebug.Enable | GuestDebug.UseSwBp },
} as const;

function watch(address: bigint, dr7: bigint): StructInit<KvmGuestDebug> {
  const debugReg = BigUint64Array.of(address, 0n, 0n, 0n, 0n, 0n, 0n, dr7);
  return { control: GuestDebug.Enable | GuestDebug.UseHwBp, arch: { debugReg } };
}

onEachBackend('a guest under a debugger', (backend) => {
  function begin(code: Uint8Array, mode: 'real' | 'long'): Machine {
    const guest = machine(backend, mode, code, { regs: { rbx: data } });
    handleBreakpoints(guest.memory);
    return guest;
  }

  /** A guest on a host that supports this kind of stop. No capability tells, so another guest probes it. */
  function debugged(
    context: Skipping,
    feature: keyof typeof raw,
    code: Uint8Array,
    mode: 'real' | 'long' = 'long',
  ): Machine {
    using probe = begin(code, mode);
    needs(context, probe.vm, Cap.SetGuestDebug);
    probe.vcpu.ioctl(KVM_SET_GUEST_DEBUG, KvmGuestDebug.from(raw[feature]));
    if (runFor(probe.vcpu, 30_000).reason === ExitReason.Hlt)
      missing(context, `guests do not stop here for ${feature}`);
    return begin(code, mode);
  }

  test('stops after each instruction, and has executed that one and no more', (context) => {
    using guest = debugged(context, 'single-step', steps);
    const { vcpu } = guest;
    vcpu.setGuestDebug({ singleStep: true });
    const seen = [0x1003n, 0x1004n, 0x1009n].map((next) => {
      const { exception, pc, dr6 } = runTo(vcpu, ExitReason.Debug).debug.arch;
      expect([exception, pc, dr6 & singleStep]).toEqual([debugException, next, singleStep]);
      const { rax, rbx, rip } = vcpu.getRegs();
      return [rax, rbx, rip];
    });
    expect(seen).toEqual([
      [1n, data, 0x1003n],
      [1n, data, 0x1004n],
      [1n, 5n, 0x1009n],
    ]);
    vcpu.setGuestDebug();
    runTo(vcpu, ExitReason.Hlt);
  });

  test('stops before an instruction that has a breakpoint', (context) => {
    using guest = debugged(context, 'a breakpoint on an instruction', steps);
    const { vcpu } = guest;
    vcpu.setGuestDebug({ breakpoints: [{ address: 0x9000n }, { address: 0x1004n }] });
    const { exception, pc, dr6 } = runTo(vcpu, ExitReason.Debug).debug.arch;
    expect([exception, pc, dr6 & 15n]).toEqual([debugException, 0x1004n, 0b0010n]);
    expect(vcpu.getRegs()).toMatchObject({ rax: 1n, rbx: data, rip: 0x1004n });
    vcpu.setGuestDebug();
    runTo(vcpu, ExitReason.Hlt);
    expect(vcpu.getRegs().rbx).toBe(5n);
  });

  test('stops at each of four breakpoints', (context) => {
    using guest = debugged(context, 'a breakpoint on an instruction', steps);
    const { vcpu } = guest;
    const places = [0x1000n, 0x1003n, 0x1004n, 0x1009n];
    for (const [index, address] of places.entries()) {
      // The other breakpoints are elsewhere, because one at the current instruction would stop the guest again.
      vcpu.setGuestDebug({ breakpoints: places.map((_, i) => ({ address: i === index ? address : 0x9000n })) });
      const { pc, dr6 } = runTo(vcpu, ExitReason.Debug).debug.arch;
      expect([pc, dr6 & 15n]).toEqual([address, 1n << BigInt(index)]);
    }
    vcpu.setGuestDebug();
    runTo(vcpu, ExitReason.Hlt);
  });

  test('stops after a write to an address that is watched for writes, and not after a read', (context) => {
    using guest = debugged(context, 'a write to watched memory', writeAndRead);
    const { vcpu } = guest;
    vcpu.setGuestDebug({ breakpoints: [{ address: data, on: 'write', length: 4 }] });
    const { exception, pc, dr6 } = runTo(vcpu, ExitReason.Debug).debug.arch;
    expect([exception, pc, dr6 & 15n]).toEqual([debugException, entry + 2n, 1n]);
    runTo(vcpu, ExitReason.Hlt);
  });

  test('stops after each access to any byte that is watched for all accesses', (context) => {
    using guest = debugged(context, 'an access to watched memory', writeAndRead);
    const { vcpu } = guest;
    vcpu.setGuestDebug({ breakpoints: [{ address: data, on: 'access', length: 1 }] });
    for (const pc of [entry + 2n, entry + 4n]) {
      expect(runTo(vcpu, ExitReason.Debug).debug.arch.pc).toBe(pc);
    }
    runTo(vcpu, ExitReason.Hlt);
  });

  test('stops at INT3 if software breakpoints are on', (context) => {
    using guest = debugged(context, 'INT3', breakpoint, 'real');
    const { vcpu, memory } = guest;
    vcpu.setGuestDebug({ softwareBreakpoints: true });
    const { exception, pc } = runTo(vcpu, ExitReason.Debug).debug.arch;
    expect([exception, pc]).toEqual([breakpointException, entry + 1n]);
    expect(vcpu.getRegs()).toMatchObject({ rax: 1n, rip: entry + 1n });
    // A debugger now restores the original instruction.
    memory.write(Number(entry) + 1, steps.subarray(3, 4));
    runTo(vcpu, ExitReason.Hlt);
    expect(vcpu.getRegs().rax).toBe(2n);
  });

  test('handles INT3 itself without a debugger', () => {
    using guest = begin(breakpoint, 'real');
    const { vcpu } = guest;
    runTo(vcpu, ExitReason.Hlt);
    expect(vcpu.getRegs()).toMatchObject({ rax: 2n, rbx: 7n, rip: entry + BigInt(breakpoint.length) });
  });

  test('runs freely after the debugger detaches', () => {
    using guest = begin(steps, 'long');
    const { vcpu } = guest;
    vcpu.setGuestDebug({ singleStep: true, breakpoints: [{ address: 0x1004n }] });
    vcpu.setGuestDebug();
    runTo(vcpu, ExitReason.Hlt);
    expect(vcpu.getRegs()).toMatchObject({ rax: 1n, rbx: 5n });
  });
});
