import { expect, test } from 'vitest';
import { onEachBackend } from '../../../test/backends.js';
import { guestImage } from '../../../test/guests.js';
import { exitOf } from '../../../test/run.js';
import { ExitReason } from '../../abi/x86/groups.js';
import type { BackendName } from '../../backend/backend.js';
import type { GuestMemory } from '../../memory/guest-memory.js';
import { Kvm } from './kvm.js';
import { addressLimit, enterMode, type Mode, type ModeSetup, modes, tablesSize } from './mode.js';
import { Cr0, Cr4, Efer } from './registers.js';
import type { Vcpu } from './vcpu/vcpu.js';

const size = 0x2_0000;

function withGuest(backend: BackendName, visit: (vcpu: Vcpu, memory: GuestMemory) => void): void {
  const kvm = Kvm.open({ backend });
  const vm = kvm.createVm();
  const memory = kvm.allocateMemory({ size });
  vm.mapMemory(memory, 0n);
  const vcpu = vm.createVcpu(0);
  // AMD hosts refuse long mode if the CPUID lacks it.
  vcpu.setCpuid2(kvm.getSupportedCpuid());
  try {
    visit(vcpu, memory);
  } finally {
    for (const each of [vcpu, vm, kvm, memory]) each.close();
  }
}

/** Runs a guest until it halts. Returns what it sent to COM1, or to port 0x18. */
function output(vcpu: Vcpu): number[] {
  const sent: number[] = [];
  for (;;) {
    const exit = exitOf(vcpu);
    if (exit.reason === ExitReason.Io && exit.io.isWrite) sent.push(...exit.io.data);
    else if (exit.reason === ExitReason.Mmio) exit.mmio.value = 0x0123_4567_89ab_cdefn;
    else if (exit.reason === ExitReason.Hlt) return sent;
    else throw new Error(`unexpected exit reason ${exit.reason}`);
  }
}

onEachBackend('a vCPU enters', (backend) => {
  const at = { entry: 0x1000n, stackTop: 0x1_0000n, tables: 0x1_0000n };

  test.each([
    ['real', 'hello16', 'Hello from real mode.\n'],
    ['protected', 'hello32', 'Hello from protected mode.\n'],
  ] as const)('%s mode, and %s runs in it', (mode, name, greeting) => {
    withGuest(backend, (vcpu, memory) => {
      memory.write(0x1000, guestImage(name));
      enterMode(vcpu, mode, { memory, ...at });
      expect(Buffer.from(output(vcpu)).toString()).toBe(greeting);
    });
  });

  test('long mode, in which a guest has 64-bit registers and sees all 4 GiB', () => {
    withGuest(backend, (vcpu, memory) => {
      memory.write(0x1000, guestImage('mmio64'));
      enterMode(vcpu, 'long', { memory, ...at });
      output(vcpu);
      expect(vcpu.getRegs().rax).toBe(0x0123_4567_89ab_cdefn);
    });
  });

  test.each([
    ['real', Cr0.Et, 0n, 0n],
    ['protected', Cr0.Pe, 0n, 0n],
    ['long', Cr0.Pe | Cr0.Pg, Cr4.Pae, Efer.Lme | Efer.Lma],
  ] as const)('%s mode, from any other', (mode, cr0, cr4, efer) => {
    withGuest(backend, (vcpu, memory) => {
      for (const before of modes) {
        enterMode(vcpu, before, { memory, ...at });
        enterMode(vcpu, mode, { memory, ...at });
        const sregs = vcpu.getSregs();
        expect(sregs.cr0 & (Cr0.Pe | Cr0.Pg | cr0)).toBe(cr0);
        expect(sregs.cr4 & Cr4.Pae).toBe(cr4);
        expect(sregs.efer).toBe(efer);
        expect(vcpu.getRegs().rip).toBe(0x1000n);
      }
    });
  });

  test('real mode with a stack of all 64 KiB', () => {
    withGuest(backend, (vcpu, memory) => {
      // push 0x1234; hlt
      memory.write(0x1000, Uint8Array.of(0x68, 0x34, 0x12, 0xf4));
      enterMode(vcpu, 'real', { memory, entry: 0x1000n, stackTop: 0x1_0000n });
      expect(exitOf(vcpu).reason).toBe(ExitReason.Hlt);
      expect(memory.read(0xfffe, 2)).toEqual(Uint8Array.of(0x34, 0x12));
    });
  });

  const wrong: [string, Mode, Partial<ModeSetup>, string][] = [
    ['a mode that does not exist', 'unreal' as Mode, {}, 'there is no mode "unreal"'],
    ['an entry above 64 KiB in real mode', 'real', { entry: 0x1_0000n }, 'the entry point in real mode'],
    ['an entry above 4 GiB', 'long', { entry: 1n << 32n }, 'the entry point in long mode'],
    ['a negative entry', 'protected', { entry: -1n }, 'the entry point in protected mode'],
    ['an entry that is a number', 'long', { entry: 4096 as unknown as bigint }, 'the entry point in long mode'],
    ['a stack above 64 KiB in real mode', 'real', { stackTop: 0x1_0001n }, 'the top of the stack in real mode'],
    [
      'tables that leave the memory',
      'long',
      { tables: BigInt(size - 0x6000) },
      'the address of the 28672 bytes of tables',
    ],
    ['tables that start inside a page', 'protected', { tables: 0x1_0001n }, 'the tables must start at a page'],
  ];

  test.each(wrong)('no mode with %s, and nothing changes', (_, mode, setup, message) => {
    withGuest(backend, (vcpu, memory) => {
      const sregs = vcpu.getSregs();
      const regs = vcpu.getRegs();
      expect(() => enterMode(vcpu, mode, { memory, ...at, ...setup })).toThrow(message);
      expect(vcpu.getSregs().equals(sregs)).toBe(true);
      expect(vcpu.getRegs().equals(regs)).toBe(true);
      expect(memory.read(0, size).every((byte) => byte === 0)).toBe(true);
    });
  });

  test('no mode without the tables that it needs, or with closed memory', () => {
    withGuest(backend, (vcpu, memory) => {
      const { entry, stackTop } = at;
      expect(() => enterMode(vcpu, 'protected', { memory, entry, stackTop })).toThrow('protected mode needs tables');
      const rip = vcpu.getRegs().rip;
      memory.close();
      expect(() => enterMode(vcpu, 'long', { memory, ...at })).toThrow('closed');
      expect(vcpu.getRegs().rip).toBe(rip);
    });
  });
});

test('tablesSize and addressLimit need no guest', () => {
  expect(modes.map(tablesSize)).toEqual([0, 0x1000, 0x7000]);
  expect(modes.map(addressLimit)).toEqual([0x1_0000n, 1n << 32n, 1n << 32n]);
});
