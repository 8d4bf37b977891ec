import { expect, test } from 'vitest';
import { PageFlag } from '../src/arch/x86/index.js';
import { ExitReason, type Vcpu } from '../src/index.js';
import { onEachBackend } from '../test/backends.js';
import { code64 } from './guest/listing.js';
import { accessed, dirty, PageTables } from './guest/paging.js';
import { changeRegs, entry, type Machine, machine, memorySize, runTo } from './machine.js';

const root = 0x2_0000n;
const handlers = 0x4000n;
const interruptTable = 0x5000;
/** The upper half of the address space, as kernels use it. */
const high = 0xffff_8000_0000_0000n;

const registers = code64`
  48 b8 88 77 66 55 44 33 22 11  ; mov rax, 0x1122334455667788
  49 89 c0                       ; mov r8, rax
  49 0f c8                       ; bswap r8
  4e 8d 7c 40 01                 ; lea r15, [rax + r8*2 + 1]
  b9 ff ff ff ff                 ; mov ecx, -1
  41 50                          ; push r8
  41 59                          ; pop r9
  4c 8d 15 00 00 00 00           ; lea r10, [rip]
  f4                             ; hlt
`;

const storeAndLoad = code64`
  48 89 03  ; mov qword ptr [rbx], rax
  48 8b 0e  ; mov rcx, qword ptr [rsi]
  f4        ; hlt
`;

const load = code64`
  48 8b 0b  ; mov rcx, qword ptr [rbx]
  f4        ; hlt
`;

/** Takes the error code from the stack. */
const pageFaultHandler = code64`
  58        ; pop rax
  0f 20 d2  ; mov rdx, cr2
  f4        ; hlt
`;

const divide = code64`
  48 f7 f3  ; div rbx
  f4        ; hlt
`;

const returningHandler = code64`
  48 c7 c3 02 00 00 00  ; mov rbx, 2
  48 cf                 ; iretq
`;

/** Makes the vCPU use the page tables of the case, which identity-map all memory. */
function ownTables({ vcpu, memory }: Machine): PageTables {
  const tables = new PageTables(memory, root);
  for (let page = 0n; page < memorySize; page += 0x1000n) tables.map(page, page);
  const sregs = vcpu.getSregs();
  sregs.cr3 = root;
  vcpu.setSregs(sregs);
  return tables;
}

/** Gives the guest an interrupt table with one entry. */
function handle({ vcpu, memory }: Machine, vector: number, handler: Uint8Array): void {
  memory.write(Number(handlers), handler);
  const gate = new DataView(new ArrayBuffer(16));
  gate.setUint16(0, Number(handlers), true);
  gate.setUint16(2, vcpu.getSregs().cs.selector, true);
  // Present, an interrupt gate.
  gate.setUint16(4, 0x8e00, true);
  memory.write(interruptTable + 16 * vector, new Uint8Array(gate.buffer));
  const sregs = vcpu.getSregs();
  sregs.idt.assign({ base: BigInt(interruptTable), limit: 0xfff });
  vcpu.setSregs(sregs);
}

onEachBackend('a guest in long mode', (backend) => {
  test('has 16 registers of 64 bits, and addresses relative to RIP', () => {
    using guest = machine(backend, 'long', registers);
    runTo(guest.vcpu, ExitReason.Hlt);
    const regs = guest.vcpu.getRegs();
    expect(regs).toMatchObject({
      rax: 0x1122_3344_5566_7788n,
      r8: 0x8877_6655_4433_2211n,
      r9: 0x8877_6655_4433_2211n,
      r15: BigInt.asUintN(64, 0x1122_3344_5566_7788n + 2n * 0x8877_6655_4433_2211n + 1n),
      rcx: 0xffff_ffffn,
      r10: entry + BigInt(registers.length - 1),
      rip: entry + BigInt(registers.length),
    });
  });

  test('uses its own page tables, and sets their accessed and dirty flags', () => {
    using guest = machine(backend, 'long', storeAndLoad, { regs: { rax: 0x1234_5678_9abc_def0n } });
    const tables = ownTables(guest);
    tables.map(high, 0x8000n);
    tables.map(high + 0x1000n, 0x9000n, PageFlag.P);
    changeRegs(guest.vcpu, { rbx: high + 8n, rsi: high + 0x1010n });
    guest.memory.write(0x9010, Uint8Array.of(7));
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(guest.vcpu.getRegs().rcx).toBe(7n);
    expect(guest.memory.read(0x8008, 8)).toEqual(Uint8Array.of(0xf0, 0xde, 0xbc, 0x9a, 0x78, 0x56, 0x34, 0x12));
    const used = (virtual: bigint) => tables.read(tables.entryOf(virtual)) & (accessed | dirty);
    expect([used(high), used(high + 0x1000n), used(0x8000n)]).toEqual([accessed | dirty, accessed, 0n]);
  });

  test('exits with the physical address of a device, wherever it is mapped', () => {
    using guest = machine(backend, 'long', storeAndLoad, { regs: { rax: 1n } });
    const tables = ownTables(guest);
    tables.map(high, 0xfed0_0000n);
    changeRegs(guest.vcpu, { rbx: high + 0x10n, rsi: high + 0x20n });
    expect(runTo(guest.vcpu, ExitReason.Mmio).mmio).toMatchObject({ physAddr: 0xfed0_0010n, len: 8, isWrite: true });
    const { mmio } = runTo(guest.vcpu, ExitReason.Mmio);
    expect(mmio).toMatchObject({ physAddr: 0xfed0_0020n, len: 8, isWrite: false });
    mmio.value = 9n;
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(guest.vcpu.getRegs().rcx).toBe(9n);
  });

  test('takes a page fault in its own handler, with address and error code, and no exit', () => {
    using guest = machine(backend, 'long', storeAndLoad);
    const tables = ownTables(guest);
    tables.map(high, 0x8000n, PageFlag.P);
    handle(guest, 14, pageFaultHandler);
    const faults = (virtual: bigint, code: Uint8Array) => {
      guest.memory.write(Number(entry), code);
      changeRegs(guest.vcpu, { rip: entry, rbx: virtual });
      return pageFault(guest.vcpu);
    };
    const write = 2n;
    const present = 1n;
    expect(faults(high + 0x2008n, load)).toEqual({ address: high + 0x2008n, errorCode: 0n });
    expect(faults(high + 0x2010n, storeAndLoad)).toEqual({ address: high + 0x2010n, errorCode: write });
    const sregs = guest.vcpu.getSregs();
    sregs.cr0 |= 1n << 16n;
    guest.vcpu.setSregs(sregs);
    expect(faults(high + 8n, storeAndLoad)).toEqual({ address: high + 8n, errorCode: write | present });
  });

  test('returns from its handler and tries again', () => {
    using guest = machine(backend, 'long', divide, { regs: { rax: 84n } });
    handle(guest, 0, returningHandler);
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(guest.vcpu.getRegs()).toMatchObject({ rax: 42n, rip: entry + BigInt(divide.length) });
  });
});

function pageFault(vcpu: Vcpu): { address: bigint; errorCode: bigint } {
  runTo(vcpu, ExitReason.Hlt);
  const { rax, rdx, rip } = vcpu.getRegs();
  expect(rip).toBe(handlers + BigInt(pageFaultHandler.length));
  return { address: rdx, errorCode: rax };
}
