import { expect, test } from 'vitest';
import { Cap, ExitReason, MpState } from '../src/index.js';
import { onEachBackend } from '../test/backends.js';
import { code16, code64 } from './guest/listing.js';
import { machine, needs, runFor, runTo } from './machine.js';

/** Writes to the interrupt command register: INIT to all others, then SIPI with vector 2. */
const starter = code64`
  48 bb 00 03 e0 fe 00 00 00 00  ; mov rbx, 0xfee00300
  c7 03 00 45 0c 00              ; mov dword ptr [rbx], 0xc4500
  c7 03 02 46 0c 00              ; mov dword ptr [rbx], 0xc4602
  e6 10                          ; out 0x10, al
  e4 11                          ; in al, 0x11
  e6 12                          ; out 0x12, al
`;

const started = code16`
  8c c8        ; mov ax, cs
  e7 80        ; out 0x80, ax
  fe 06 00 30  ; inc byte ptr ds:[0x3000]
  e6 82        ; out 0x82, al
`;

onEachBackend('the second processor', (backend) => {
  test('starts in real mode at the page that INIT and SIPI name, and shares the memory', (context) => {
    using guest = machine(backend, 'long', starter, {
      before: (vm) => {
        needs(context, vm, Cap.IrqChip);
        vm.createIrqChip();
      },
    });
    const { vm, vcpu, memory } = guest;
    memory.write(0x2000, started);
    memory.write(0x3000, Uint8Array.of(41));
    using second = vm.createVcpu(1);
    expect([vcpu.getMpState(), second.getMpState()]).toEqual([MpState.Runnable, MpState.Uninitialized]);
    runTo(vcpu, ExitReason.Io);
    const { io } = runTo(second, ExitReason.Io);
    expect([io.port, io.value]).toEqual([0x80, 0x200]);
    expect(runTo(second, ExitReason.Io).io.port).toBe(0x82);
    expect(second.getMpState()).toBe(MpState.Runnable);
    expect([...memory.read(0x3000, 1)]).toEqual([42]);
    expect(second.getSregs()).toMatchObject({ cs: { base: 0x2000n, selector: 0x200 }, cr0: 0x6000_0010n });
    expect(second.getRegs().rip).toBeLessThan(0x1000n);
    // The first processor was not disturbed.
    runTo(vcpu, ExitReason.Io).io.value = 7;
    const last = runTo(vcpu, ExitReason.Io).io;
    expect([last.port, last.value]).toEqual([0x12, 7]);
  });
  test('does not run before that', (context) => {
    using guest = machine(backend, 'long', starter, {
      before: (vm) => {
        needs(context, vm, Cap.IrqChip);
        vm.createIrqChip();
      },
    });
    using second = guest.vm.createVcpu(1);
    const before = second.getRegs();
    expect(runFor(second, 50).reason).toBe(ExitReason.Intr);
    expect(second.getRegs().equals(before)).toBe(true);
    expect(second.getMpState()).toBe(MpState.Uninitialized);
  });
});
