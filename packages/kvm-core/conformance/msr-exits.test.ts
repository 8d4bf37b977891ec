import { expect, test } from 'vitest';
import { Efer } from '../src/arch/x86/index.js';
import { Cap, ExitReason, MsrExitReason, type Vm } from '../src/index.js';
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
const sysenterEip = 0x176;

const allOnes = (1n << 64n) - 1n;

/** Requests exits of these kinds. */
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
      // A fault without a handler is a shutdown.
      runTo(guest.vcpu, ExitReason.Shutdown);
    }
  });

  test('faults without an exit if none was requested', () => {
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

  test('exits when an invalid value is written', (context) => {
    using guest = machine(backend, 'long', write, {
      ...exitsFor(context, MsrExitReason.Inval),
      regs: { rax: Efer.Lme | Efer.Lma, rcx: BigInt(efer), rdx: 0x8000_0000n },
    });
    const { msr } = runTo(guest.vcpu, ExitReason.X86Wrmsr);
    expect([msr.index, msr.reason, msr.data]).toEqual([efer, MsrExitReason.Inval, (1n << 63n) | Efer.Lme | Efer.Lma]);
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(guest.vcpu.getSregs().efer).toBe(Efer.Lme | Efer.Lma);
  });
  test('exits when the filter denies it, and the guest gets the answer', (context) => {
    const regs = { rcx: BigInt(sysenterEip) };
    const { before } = exitsFor(context, MsrExitReason.Filter);
    using reader = machine(backend, 'long', read, { before, regs });
    needs(context, reader.vm, Cap.X86MsrFilter);
    reader.vcpu.setMsrs([{ index: sysenterEip, data: 0x1234n }]);
    reader.vm.setMsrFilter({ ranges: [{ base: sysenterEip, count: 1 }] });
    const { msr } = runTo(reader.vcpu, ExitReason.X86Rdmsr);
    expect([msr.index, msr.reason]).toEqual([sysenterEip, MsrExitReason.Filter]);
    msr.data = 0xffff_8000_0000_0001n;
    runTo(reader.vcpu, ExitReason.Hlt);
    expect(reader.vcpu.getRegs()).toMatchObject({ rax: 1n, rdx: 0xffff_8000n });

    using writer = machine(backend, 'long', write, { before, regs: { ...regs, rax: 5n, rdx: 6n } });
    writer.vm.setMsrFilter({ ranges: [{ base: sysenterEip, count: 1 }] });
    const written = runTo(writer.vcpu, ExitReason.X86Wrmsr).msr;
    expect([written.index, written.reason, written.data]).toEqual([sysenterEip, MsrExitReason.Filter, 0x6_0000_0005n]);
    runTo(writer.vcpu, ExitReason.Hlt);
    // KVM does not write the register: whoever handles the exit does.
    expect(writer.vcpu.getMsrs([sysenterEip])[0]?.data).toBe(0n);
  });

  test('faults when the filter denies it and no exit was requested', (context) => {
    using guest = machine(backend, 'long', read, { regs: { rcx: BigInt(sysenterEip) } });
    needs(context, guest.vm, Cap.X86MsrFilter);
    guest.vm.setMsrFilter({ ranges: [{ base: sysenterEip, count: 1 }] });
    runTo(guest.vcpu, ExitReason.Shutdown);
  });

  test('does not exit when the filter denies the other direction or a neighbour, or was removed', (context) => {
    for (const filter of [
      { ranges: [{ base: sysenterEip, count: 1, read: false }] },
      { ranges: [{ base: sysenterEip - 1, count: 3, bitmap: Uint8Array.of(0b010) }] },
      undefined,
    ]) {
      using guest = machine(backend, 'long', read, {
        ...exitsFor(context, MsrExitReason.Filter),
        regs: { rcx: BigInt(sysenterEip) },
      });
      needs(context, guest.vm, Cap.X86MsrFilter);
      guest.vcpu.setMsrs([{ index: sysenterEip, data: 0x1234n }]);
      guest.vm.setMsrFilter({ ranges: [{ base: sysenterEip, count: 1 }] });
      guest.vm.setMsrFilter(filter);
      runTo(guest.vcpu, ExitReason.Hlt);
      expect(guest.vcpu.getRegs().rax).toBe(0x1234n);
    }
  });
});
