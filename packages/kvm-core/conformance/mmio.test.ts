import { expect, test } from 'vitest';
import { ExitReason, type Vcpu } from '../src/index.js';
import { onEachBackend } from '../test/backends.js';
import { code16, code64 } from './guest/listing.js';
import { changeRegs, entry, machine, memorySize, runTo } from './machine.js';

const rax = 0x8877_6655_4433_2211n;
/** An address without memory. */
const device = 0xd000_0000n;

const writes = code64`
  88 03     ; mov byte ptr [rbx], al
  66 89 03  ; mov word ptr [rbx], ax
  89 03     ; mov dword ptr [rbx], eax
  48 89 03  ; mov qword ptr [rbx], rax
  f4        ; hlt
`;

const reads = code64`
  8a 03     ; mov al, byte ptr [rbx]
  f4        ; hlt
  66 8b 03  ; mov ax, word ptr [rbx]
  f4        ; hlt
  8b 03     ; mov eax, dword ptr [rbx]
  f4        ; hlt
  48 8b 03  ; mov rax, qword ptr [rbx]
  f4        ; hlt
`;

const extendingReads = code64`
  0f b6 03     ; movzx eax, byte ptr [rbx]
  f4           ; hlt
  48 0f bf 03  ; movsx rax, word ptr [rbx]
  f4           ; hlt
`;

const write8 = code64`
  48 89 03  ; mov qword ptr [rbx], rax
  f4        ; hlt
`;

const read8 = code64`
  48 8b 03  ; mov rax, qword ptr [rbx]
  f4        ; hlt
`;

const write16 = code64`
  0f 10 0e  ; movups xmm1, xmmword ptr [rsi]
  0f 11 0b  ; movups xmmword ptr [rbx], xmm1
  f4        ; hlt
`;

const read16 = code64`
  0f 10 0b  ; movups xmm1, xmmword ptr [rbx]
  0f 11 0f  ; movups xmmword ptr [rdi], xmm1
  f4        ; hlt
`;

const readAndWrite = code64`
  83 03 05  ; add dword ptr [rbx], 5
  f4        ; hlt
`;

const copyFromDevice = code64`
  66 f3 a5  ; rep movsw
  f4        ; hlt
`;

const fillDevice = code64`
  fd     ; std
  f3 ab  ; rep stosd
  f4     ; hlt
`;

const realMode = code16`
  bb 00 d0     ; mov bx, 0xd000
  8e db        ; mov ds, bx
  a3 fe ff     ; mov word ptr ds:[0xfffe], ax
  8a 0e 12 00  ; mov cl, byte ptr ds:[0x12]
  f4           ; hlt
`;

/** A write of the guest, which must be this. */
function takeWrite(vcpu: Vcpu, address: bigint, len: number, value: bigint): void {
  const { mmio } = runTo(vcpu, ExitReason.Mmio);
  expect([mmio.physAddr, mmio.len, mmio.isWrite, mmio.value]).toEqual([address, len, true, value]);
  expect(mmio.data.length).toBe(len);
}

/** A read of the guest, which must be this, and gets a value. */
function giveRead(vcpu: Vcpu, address: bigint, len: number, value: bigint): void {
  const { mmio } = runTo(vcpu, ExitReason.Mmio);
  expect([mmio.physAddr, mmio.len, mmio.isWrite, mmio.data.length]).toEqual([address, len, false, len]);
  mmio.value = value;
}

onEachBackend('MMIO', (backend) => {
  test('writes 1, 2, 4 and 8 bytes', () => {
    using guest = machine(backend, 'long', writes, { regs: { rax, rbx: device } });
    takeWrite(guest.vcpu, device, 1, 0x11n);
    takeWrite(guest.vcpu, device, 2, 0x2211n);
    takeWrite(guest.vcpu, device, 4, 0x4433_2211n);
    takeWrite(guest.vcpu, device, 8, rax);
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(guest.vcpu.getRegs()).toMatchObject({ rax, rip: entry + BigInt(writes.length) });
  });

  test('reads 1, 2, 4 and 8 bytes: a byte and a word leave the rest of RAX, a doubleword clears its upper half', () => {
    using guest = machine(backend, 'long', reads, { regs: { rax, rbx: device } });
    const { vcpu } = guest;
    for (const [len, value, after] of [
      [1, 0xa1n, 0x8877_6655_4433_22a1n],
      [2, 0xb2b1n, 0x8877_6655_4433_b2b1n],
      [4, 0xc4c3_c2c1n, 0xc4c3_c2c1n],
      [8, 0xd8d7_d6d5_d4d3_d2d1n, 0xd8d7_d6d5_d4d3_d2d1n],
    ] as const) {
      changeRegs(vcpu, { rax });
      giveRead(vcpu, device, len, value);
      runTo(vcpu, ExitReason.Hlt);
      expect(vcpu.getRegs().rax).toBe(after);
    }
  });

  test('extends what it reads as the instruction says', () => {
    using guest = machine(backend, 'long', extendingReads, { regs: { rax, rbx: device } });
    giveRead(guest.vcpu, device, 1, 0xf1n);
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(guest.vcpu.getRegs().rax).toBe(0xf1n);
    giveRead(guest.vcpu, device, 2, 0xf234n);
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(guest.vcpu.getRegs().rax).toBe(0xffff_ffff_ffff_f234n);
  });

  test('completes a read with the next run, also with one that a kick cuts short', () => {
    using guest = machine(backend, 'long', read8, { regs: { rax, rbx: device } });
    giveRead(guest.vcpu, device, 8, 0x1234_5678_9abc_def0n);
    guest.vcpu.kick();
    runTo(guest.vcpu, ExitReason.Intr);
    expect(guest.vcpu.getRegs()).toMatchObject({ rax: 0x1234_5678_9abc_def0n, rip: entry + 3n });
    runTo(guest.vcpu, ExitReason.Hlt);
  });

  test('across a page boundary is two accesses', () => {
    const address = device + 0xffdn;
    using writer = machine(backend, 'long', write8, { regs: { rax, rbx: address } });
    takeWrite(writer.vcpu, address, 3, 0x33_2211n);
    takeWrite(writer.vcpu, address + 3n, 5, 0x88_7766_5544n);
    runTo(writer.vcpu, ExitReason.Hlt);
    using reader = machine(backend, 'long', read8, { regs: { rbx: address } });
    giveRead(reader.vcpu, address, 3, 0x33_2211n);
    giveRead(reader.vcpu, address + 3n, 5, 0x88_7766_5544n);
    runTo(reader.vcpu, ExitReason.Hlt);
    expect(reader.vcpu.getRegs().rax).toBe(rax);
  });

  test('that begins in memory exits only for the part beyond its end', () => {
    const end = BigInt(memorySize);
    using writer = machine(backend, 'long', write8, { regs: { rax, rbx: end - 3n } });
    takeWrite(writer.vcpu, end, 5, 0x88_7766_5544n);
    runTo(writer.vcpu, ExitReason.Hlt);
    expect(writer.memory.read(memorySize - 4, 4)).toEqual(Uint8Array.of(0, 0x11, 0x22, 0x33));
    using reader = machine(backend, 'long', read8, { regs: { rbx: end - 3n } });
    reader.memory.write(memorySize - 3, Uint8Array.of(0x11, 0x22, 0x33));
    giveRead(reader.vcpu, end, 5, 0x88_7766_5544n);
    runTo(reader.vcpu, ExitReason.Hlt);
    expect(reader.vcpu.getRegs().rax).toBe(rax);
  });

  test('of 16 bytes is two accesses of 8', () => {
    const bytes = Uint8Array.from({ length: 16 }, (_, i) => 0x10 + i);
    using writer = machine(backend, 'long', write16, { regs: { rbx: device, rsi: 0x2000n } });
    writer.memory.write(0x2000, bytes);
    takeWrite(writer.vcpu, device, 8, 0x1716_1514_1312_1110n);
    takeWrite(writer.vcpu, device + 8n, 8, 0x1f1e_1d1c_1b1a_1918n);
    runTo(writer.vcpu, ExitReason.Hlt);
    using reader = machine(backend, 'long', read16, { regs: { rbx: device, rdi: 0x2000n } });
    giveRead(reader.vcpu, device, 8, 0x1716_1514_1312_1110n);
    giveRead(reader.vcpu, device + 8n, 8, 0x1f1e_1d1c_1b1a_1918n);
    runTo(reader.vcpu, ExitReason.Hlt);
    expect(reader.memory.read(0x2000, 16)).toEqual(bytes);
  });

  test('reads, then writes, for an instruction that does both', () => {
    using guest = machine(backend, 'long', readAndWrite, { regs: { rbx: device } });
    giveRead(guest.vcpu, device, 4, 0xffff_fffen);
    takeWrite(guest.vcpu, device, 4, 3n);
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(guest.vcpu.getRegs().rflags & 1n).toBe(1n);
  });

  test('handles the elements of a string instruction one by one', () => {
    using reader = machine(backend, 'long', copyFromDevice, { regs: { rcx: 3n, rsi: device, rdi: 0x2000n } });
    for (let i = 0n; i < 3n; i++) giveRead(reader.vcpu, device + 2n * i, 2, 0x1110n + i);
    runTo(reader.vcpu, ExitReason.Hlt);
    expect(reader.memory.read(0x2000, 6)).toEqual(Uint8Array.of(0x10, 0x11, 0x11, 0x11, 0x12, 0x11));
    using writer = machine(backend, 'long', fillDevice, { regs: { rax, rcx: 3n, rdi: device } });
    for (let i = 0n; i < 3n; i++) takeWrite(writer.vcpu, device - 4n * i, 4, 0x4433_2211n);
    runTo(writer.vcpu, ExitReason.Hlt);
    expect(writer.vcpu.getRegs()).toMatchObject({ rcx: 0n, rdi: device - 12n });
  });

  test('in real mode has the address that the segment selects', () => {
    using guest = machine(backend, 'real', realMode, { regs: { rax } });
    takeWrite(guest.vcpu, 0xd_fffen, 2, 0x2211n);
    giveRead(guest.vcpu, 0xd_0012n, 1, 0x99n);
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(guest.vcpu.getRegs().rcx).toBe(0x99n);
  });
});
