import { expect, test } from 'vitest';
import { enterMode } from '../src/arch/x86/index.js';
import {
  Cap,
  ExitReason,
  KVM_INTERNAL_ERROR_EMULATION,
  KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES,
  MpState,
} from '../src/index.js';
import { onEachBackend } from '../test/backends.js';
import { code16, code32, code64 } from './guest/listing.js';
import { entry, machine, needs, runFor, runTo } from './machine.js';

const twoHalts = code16`
  f4  ; hlt
  40  ; inc ax
  f4  ; hlt
`;

const invalid32 = code32`
  0f 0b  ; ud2
`;

const invalid64 = code64`
  0f 0b  ; ud2
`;

const jump64 = code64`
  ff e3  ; jmp rbx
`;

const packedAdd = code64`
  66 0f fc 0b  ; paddb xmm1, xmmword ptr [rbx]
  f4           ; hlt
`;

onEachBackend('a guest that halts', (backend) => {
  test('exits, and continues after the HLT with the next run', () => {
    using guest = machine(backend, 'real', twoHalts);
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(guest.vcpu.getRegs()).toMatchObject({ rax: 0n, rip: entry + 1n });
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(guest.vcpu.getRegs()).toMatchObject({ rax: 1n, rip: entry + 3n });
  });

  test('with an APIC in the kernel waits there until a kick', (context) => {
    using guest = machine(backend, 'real', twoHalts, {
      before: (vm) => {
        needs(context, vm, Cap.IrqChip);
        vm.createIrqChip();
      },
    });
    for (let i = 0; i < 2; i++) {
      expect(runFor(guest.vcpu, 50).reason).toBe(ExitReason.Intr);
      expect(guest.vcpu.getRegs()).toMatchObject({ rax: 0n, rip: entry + 1n });
      expect(guest.vcpu.getMpState()).toBe(MpState.Halted);
    }
    // Setting the state to runnable makes it run.
    guest.vcpu.setMpState(MpState.Runnable);
    expect(runFor(guest.vcpu, 50).reason).toBe(ExitReason.Intr);
    expect(guest.vcpu.getRegs()).toMatchObject({ rax: 1n, rip: entry + 3n });
  });
});

onEachBackend('a guest with a triple fault', (backend) => {
  test('shuts down, from protected mode', () => {
    using guest = machine(backend, 'protected', invalid32);
    runTo(guest.vcpu, ExitReason.Shutdown);
  });

  test('shuts down, from long mode', () => {
    using guest = machine(backend, 'long', invalid64);
    runTo(guest.vcpu, ExitReason.Shutdown);
  });

  test('runs again after its state is reset', () => {
    using guest = machine(backend, 'long', invalid64);
    runTo(guest.vcpu, ExitReason.Shutdown);
    guest.memory.write(Number(entry), twoHalts);
    enterMode(guest.vcpu, 'real', { memory: guest.memory, entry, stackTop: 0x8000n });
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(guest.vcpu.getRegs().rip).toBe(entry + 1n);
  });
});

onEachBackend('a guest that KVM cannot continue', (backend) => {
  /** Executes from an address without memory, which no emulator can fetch. */
  const nowhere = 0xd000_0000n;

  test('exits with an internal error for failed emulation', () => {
    using guest = machine(backend, 'long', jump64, { regs: { rbx: nowhere } });
    const { internal } = runTo(guest.vcpu, ExitReason.InternalError);
    expect(internal.suberror).toBe(KVM_INTERNAL_ERROR_EMULATION);
    expect(guest.vcpu.getRegs().rip).toBe(nowhere);
  });

  test('exits with the instruction that could not be emulated', (context) => {
    // An addition of packed bytes. Processors execute it on device memory; KVM's emulator does not implement it.
    using guest = machine(backend, 'long', packedAdd, { regs: { rbx: nowhere } });
    // The instruction bytes were added with this capability, which otherwise is about user mode in guests.
    needs(context, guest.vm, Cap.ExitOnEmulationFailure);
    const { emulationFailure } = runTo(guest.vcpu, ExitReason.InternalError);
    expect(emulationFailure.suberror).toBe(KVM_INTERNAL_ERROR_EMULATION);
    expect(emulationFailure.flags).toBe(KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES);
    expect(emulationFailure.insnSize).toBeGreaterThanOrEqual(4);
    expect(emulationFailure.insnBytes.slice(0, 4)).toEqual(packedAdd.slice(0, 4));
  });
});
