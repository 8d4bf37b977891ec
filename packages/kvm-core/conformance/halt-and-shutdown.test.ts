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
  test('exits, and goes on behind the HLT with the next run', () => {
    using guest = machine(backend, 'real', twoHalts);
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(guest.vcpu.getRegs()).toMatchObject({ rax: 0n, rip: entry + 1n });
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(guest.vcpu.getRegs()).toMatchObject({ rax: 1n, rip: entry + 3n });
  });

  test('waits in the kernel where its APIC is, and only a kick makes it return', (context) => {
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
    // Who says that it runs makes it.
    guest.vcpu.setMpState(MpState.Runnable);
    expect(runFor(guest.vcpu, 50).reason).toBe(ExitReason.Intr);
    expect(guest.vcpu.getRegs()).toMatchObject({ rax: 1n, rip: entry + 3n });
  });
});

onEachBackend('a guest that faults past all handling', (backend) => {
  test('shuts down, from protected mode', () => {
    using guest = machine(backend, 'protected', invalid32);
    runTo(guest.vcpu, ExitReason.Shutdown);
  });

  test('shuts down, from long mode', () => {
    using guest = machine(backend, 'long', invalid64);
    runTo(guest.vcpu, ExitReason.Shutdown);
  });

  test('runs again once its state is set anew', () => {
    using guest = machine(backend, 'long', invalid64);
    runTo(guest.vcpu, ExitReason.Shutdown);
    guest.memory.write(Number(entry), twoHalts);
    enterMode(guest.vcpu, 'real', { memory: guest.memory, entry, stackTop: 0x8000n });
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(guest.vcpu.getRegs().rip).toBe(entry + 1n);
  });
});

onEachBackend('a guest that KVM cannot go on with', (backend) => {
  /** Executes from where no memory is: no emulator can fetch that. */
  const nowhere = 0xd000_0000n;

  test('exits with an internal error that names the emulation', () => {
    using guest = machine(backend, 'long', jump64, { regs: { rbx: nowhere } });
    const { internal } = runTo(guest.vcpu, ExitReason.InternalError);
    expect(internal.suberror).toBe(KVM_INTERNAL_ERROR_EMULATION);
    expect(guest.vcpu.getRegs().rip).toBe(nowhere);
  });

  test('says which instruction it could not emulate', (context) => {
    // An addition of packed bytes: processors do it to a device, KVM's emulator does not know it.
    using guest = machine(backend, 'long', packedAdd, { regs: { rbx: nowhere } });
    // The bytes came with this capability, which is about guests' user mode besides.
    needs(context, guest.vm, Cap.ExitOnEmulationFailure);
    const { emulationFailure } = runTo(guest.vcpu, ExitReason.InternalError);
    expect(emulationFailure.suberror).toBe(KVM_INTERNAL_ERROR_EMULATION);
    expect(emulationFailure.flags).toBe(KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES);
    expect(emulationFailure.insnSize).toBeGreaterThanOrEqual(4);
    expect(emulationFailure.insnBytes.slice(0, 4)).toEqual(packedAdd.slice(0, 4));
  });
});
