import { expect, test } from 'vitest';
import { Cap, ExitReason, MsrExitReason, type Vm } from '../src/index.js';
import { Efer } from '../src/x86/index.js';
import { onEachBackend } from '../test/backends.js';
import { code64 } from './guest/listing.js';
import { entry, machine, needs, runTo, type Skipping } from './machine.js';

const read = code64`
  0f 32  ; rdmsr
  f4     ; hlt
`;

const write = code64`
  0f 30  ; wrmsr
  f4     ; hlt
`;

/** An MSR that no processor has. */
const unknown = 0x1234_5678;
const efer = 0xc000_0080;

const allOnes = (1n << 64n) - 1n;

/** Asks for exits of these kinds. */
function exitsFor(context: Skipping, reasons: number): { before: (vm: Vm) => void } {
  return {
    before: (vm) => {
      needs(context, vm, Cap.X86UserSpaceMsr);
      vm.enableCap(Cap.X86UserSpaceMsr, [BigInt(reasons)]);
    },
  };
}

onEachBackend('an MSR that KVM does not know', (backend) => {
  test('exits when it is read, and the guest gets all 64 bits of the answer', (context) => {
    using guest = machine(backend, 'long', read, {
      ...exitsFor(context, MsrExitReason.Unknown),
      regs: { rax: allOnes, rcx: BigInt(unknown), rdx: allOnes },
    });
    const { msr } = runTo(guest.vcpu, ExitReason.X86Rdmsr);
    expect([msr.index, msr.reason, msr.error]).toEqual([unknown, MsrExitReason.Unknown, 0]);
    msr.data = 0x8877_6655_4433_2211n;
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(guest.vcpu.getRegs()).toMatchObject({ rax: 0x4433_2211n, rdx: 0x8877_6655n, rip: entry + 3n });
  });

  test('exits when it is written, with all 64 bits', (context) => {
    using guest = machine(backend, 'long', write, {
      ...exitsFor(context, MsrExitReason.Unknown),
      regs: { rax: 0xffff_ffff_4433_2211n, rcx: BigInt(unknown), rdx: 0xffff_ffff_8877_6655n },
    });
    const { msr } = runTo(guest.vcpu, ExitReason.X86Wrmsr);
    expect([msr.index, msr.reason, msr.data]).toEqual([unknown, MsrExitReason.Unknown, 0x8877_6655_4433_2211n]);
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(guest.vcpu.getRegs().rip).toBe(entry + 3n);
  });

  test('faults when the answer is an error', (context) => {
    for (const [code, reason] of [
      [read, ExitReason.X86Rdmsr],
      [write, ExitReason.X86Wrmsr],
    ] as const) {
      using guest = machine(backend, 'long', code, {
        ...exitsFor(context, MsrExitReason.Unknown),
        regs: { rcx: BigInt(unknown) },
      });
      runTo(guest.vcpu, reason).msr.error = 1;
      // A fault without a handler.
      runTo(guest.vcpu, ExitReason.Shutdown);
    }
  });

  test('faults, with no exit, where nobody asked for one', () => {
    for (const code of [read, write]) {
      using guest = machine(backend, 'long', code, { regs: { rcx: BigInt(unknown) } });
      runTo(guest.vcpu, ExitReason.Shutdown);
    }
  });
});

onEachBackend('an MSR that KVM knows', (backend) => {
  test('does not exit', (context) => {
    using guest = machine(backend, 'long', read, {
      ...exitsFor(context, MsrExitReason.Unknown | MsrExitReason.Inval | MsrExitReason.Filter),
      regs: { rcx: BigInt(efer) },
    });
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(guest.vcpu.getRegs().rax).toBe(Efer.Lme | Efer.Lma);
  });

  test('exits when it is given a value that it cannot have', (context) => {
    using guest = machine(backend, 'long', write, {
      ...exitsFor(context, MsrExitReason.Inval),
      regs: { rax: Efer.Lme | Efer.Lma, rcx: BigInt(efer), rdx: 0x8000_0000n },
    });
    const { msr } = runTo(guest.vcpu, ExitReason.X86Wrmsr);
    expect([msr.index, msr.reason, msr.data]).toEqual([efer, MsrExitReason.Inval, (1n << 63n) | Efer.Lme | Efer.Lma]);
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(guest.vcpu.getSregs().efer).toBe(Efer.Lme | Efer.Lma);
  });
});
