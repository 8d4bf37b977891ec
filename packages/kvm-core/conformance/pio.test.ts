import { expect, test } from 'vitest';
import { ExitReason, type Vcpu } from '../src/index.js';
import { onEachBackend } from '../test/backends.js';
import { code16, code64 } from './guest/listing.js';
import { entry, machine, runTo } from './machine.js';

const rax = 0x8877_6655_4433_2211n;
const data = 0x2000;

const writes = code64`
  e6 80     ; out 0x80, al
  66 e7 80  ; out 0x80, ax
  e7 80     ; out 0x80, eax
  ee        ; out dx, al
  66 ef     ; out dx, ax
  ef        ; out dx, eax
  f4        ; hlt
`;

const reads = code64`
  e4 80     ; in al, 0x80
  f4        ; hlt
  66 e5 80  ; in ax, 0x80
  f4        ; hlt
  e5 80     ; in eax, 0x80
  f4        ; hlt
  ec        ; in al, dx
  f4        ; hlt
  66 ed     ; in ax, dx
  f4        ; hlt
  ed        ; in eax, dx
  f4        ; hlt
`;

/** Single string instructions, of each size. */
const strings = code64`
  6e     ; outsb
  66 6f  ; outsw
  6f     ; outsd
  6c     ; insb
  66 6d  ; insw
  6d     ; insd
  f4     ; hlt
`;

/** String instructions with a count, by the bytes of an element: forwards, and backwards. */
const repeated = [
  {
    size: 1,
    out: code64`
      f3 6e  ; rep outsb
      f4     ; hlt
    `,
    in: code64`
      f3 6c  ; rep insb
      f4     ; hlt
    `,
    outBackwards: code64`
      fd     ; std
      f3 6e  ; rep outsb
      f4     ; hlt
    `,
    inBackwards: code64`
      fd     ; std
      f3 6c  ; rep insb
      f4     ; hlt
    `,
  },
  {
    size: 2,
    out: code64`
      66 f3 6f  ; rep outsw
      f4        ; hlt
    `,
    in: code64`
      66 f3 6d  ; rep insw
      f4        ; hlt
    `,
    outBackwards: code64`
      fd        ; std
      66 f3 6f  ; rep outsw
      f4        ; hlt
    `,
    inBackwards: code64`
      fd        ; std
      66 f3 6d  ; rep insw
      f4        ; hlt
    `,
  },
  {
    size: 4,
    out: code64`
      f3 6f  ; rep outsd
      f4     ; hlt
    `,
    in: code64`
      f3 6d  ; rep insd
      f4     ; hlt
    `,
    outBackwards: code64`
      fd     ; std
      f3 6f  ; rep outsd
      f4     ; hlt
    `,
    inBackwards: code64`
      fd     ; std
      f3 6d  ; rep insd
      f4     ; hlt
    `,
  },
];

const realModeStrings = code16`
  f3 6f  ; rep outsw
  89 d9  ; mov cx, bx
  f3 6d  ; rep insw
  f4     ; hlt
`;

/** Collects the data of a string `out`, however the host splits it into exits. */
function takeString(vcpu: Vcpu, port: number, size: number, count: number): number[] {
  const taken: number[] = [];
  while (taken.length < count) {
    const { io } = runTo(vcpu, ExitReason.Io);
    expect([io.port, io.size, io.isWrite]).toEqual([port, size, true]);
    expect(io.data).toHaveLength(size * io.count);
    for (let i = 0; i < io.count; i++) taken.push(io.element(i));
  }
  return taken;
}

/** Supplies the elements of a string `in`, however the host splits it into exits. */
function giveString(vcpu: Vcpu, port: number, size: number, elements: readonly number[]): void {
  let given = 0;
  while (given < elements.length) {
    const { io } = runTo(vcpu, ExitReason.Io);
    expect([io.port, io.size, io.isWrite]).toEqual([port, size, false]);
    for (let i = 0; i < io.count; i++) io.setElement(i, elements[given++] as number);
  }
  expect(given).toBe(elements.length);
}

/** Distinct elements of a given size. */
function elements(size: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => (0x0101_0101 * (i % 251) + 0x0403_0201) % 2 ** (8 * size));
}

function toBytes(values: readonly number[], size: number): Uint8Array {
  const bytes = Buffer.alloc(values.length * size);
  values.forEach((value, i) => {
    bytes.writeUIntLE(value, i * size, size);
  });
  return new Uint8Array(bytes);
}

onEachBackend('port I/O', (backend) => {
  test('writes 1, 2 and 4 bytes to a port in the instruction and to one in DX', () => {
    using guest = machine(backend, 'long', writes, { regs: { rax, rdx: 0xfffcn } });
    for (const port of [0x80, 0xfffc]) {
      for (const [size, value] of [
        [1, 0x11],
        [2, 0x2211],
        [4, 0x4433_2211],
      ] as const) {
        const { io } = runTo(guest.vcpu, ExitReason.Io);
        expect([io.port, io.size, io.count, io.isWrite, io.value]).toEqual([port, size, 1, true, value]);
        expect(io.data).toHaveLength(size);
      }
    }
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(guest.vcpu.getRegs()).toMatchObject({ rax, rip: entry + BigInt(writes.length) });
  });

  test('reads 1, 2 and 4 bytes: a byte and a word leave the rest of RAX, a doubleword clears its upper half', () => {
    using guest = machine(backend, 'long', reads, { regs: { rax, rdx: 0xfffcn } });
    const { vcpu } = guest;
    for (const port of [0x80, 0xfffc]) {
      for (const [size, value, after] of [
        [1, 0xa1, 0x8877_6655_4433_22a1n],
        [2, 0xb2b1, 0x8877_6655_4433_b2b1n],
        [4, 0xc4c3_c2c1, 0xc4c3_c2c1n],
      ] as const) {
        const { io } = runTo(vcpu, ExitReason.Io);
        expect([io.port, io.size, io.count, io.isWrite]).toEqual([port, size, 1, false]);
        io.value = value;
        runTo(vcpu, ExitReason.Hlt);
        expect(vcpu.getRegs().rax).toBe(after);
      }
      const regs = vcpu.getRegs();
      vcpu.setRegs(Object.assign(regs, { rax }));
    }
  });

  test('completes a read with the next run, also with one that a kick cuts short', () => {
    using guest = machine(backend, 'long', reads, { regs: { rax } });
    const { vcpu } = guest;
    runTo(vcpu, ExitReason.Io).io.value = 0xa1;
    vcpu.kick();
    runTo(vcpu, ExitReason.Intr);
    expect(vcpu.getRegs()).toMatchObject({ rax: 0x8877_6655_4433_22a1n, rip: entry + 2n });
    runTo(vcpu, ExitReason.Hlt);
  });

  test('moves one element of memory by a string instruction, and SI and DI on by its size', () => {
    const source = Uint8Array.of(0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77);
    using guest = machine(backend, 'long', strings, {
      regs: { rdx: 0x20n, rsi: BigInt(data), rdi: BigInt(data + 16) },
    });
    const { vcpu, memory } = guest;
    memory.write(data, source);
    expect(takeString(vcpu, 0x20, 1, 1)).toEqual([0x11]);
    expect(takeString(vcpu, 0x20, 2, 1)).toEqual([0x3322]);
    expect(takeString(vcpu, 0x20, 4, 1)).toEqual([0x7766_5544]);
    giveString(vcpu, 0x20, 1, [0x11]);
    giveString(vcpu, 0x20, 2, [0x3322]);
    giveString(vcpu, 0x20, 4, [0x7766_5544]);
    runTo(vcpu, ExitReason.Hlt);
    expect(memory.read(data + 16, 7)).toEqual(source);
    expect(vcpu.getRegs()).toMatchObject({ rsi: BigInt(data + 7), rdi: BigInt(data + 16 + 7) });
  });

  test.each(repeated)('writes as many elements of $size bytes as RCX says, over pages', ({ size, out }) => {
    // Reads are split into exits by the page.
    const count = 400;
    const values = elements(size, count);
    const rsi = BigInt(data + 0xf04);
    using guest = machine(backend, 'long', out, { regs: { rcx: BigInt(count), rdx: 0x20n, rsi } });
    guest.memory.write(Number(rsi), toBytes(values, size));
    expect(takeString(guest.vcpu, 0x20, size, count)).toEqual(values);
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(guest.vcpu.getRegs()).toMatchObject({ rcx: 0n, rsi: rsi + BigInt(count * size) });
  });

  test.each(repeated)('reads as many elements of $size bytes as RCX says, over pages', ({ size, in: code }) => {
    const values = elements(size, 1500);
    const rdi = BigInt(data + 0xf04);
    using guest = machine(backend, 'long', code, { regs: { rcx: 1500n, rdx: 0x20n, rdi } });
    giveString(guest.vcpu, 0x20, size, values);
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(guest.memory.read(Number(rdi), 1500 * size)).toEqual(toBytes(values, size));
    expect(guest.memory.read(Number(rdi) - 1, 1)).toEqual(Uint8Array.of(0));
    expect(guest.memory.read(Number(rdi) + 1500 * size, 1)).toEqual(Uint8Array.of(0));
    expect(guest.vcpu.getRegs()).toMatchObject({ rcx: 0n, rdi: rdi + BigInt(1500 * size) });
  });

  test.each(repeated)('writes elements of $size bytes downwards when the direction flag is set', (row) => {
    const values = elements(row.size, 20);
    const rsi = BigInt(data + 19 * row.size);
    using guest = machine(backend, 'long', row.outBackwards, { regs: { rcx: 20n, rdx: 0x20n, rsi } });
    guest.memory.write(data, toBytes(values, row.size));
    expect(takeString(guest.vcpu, 0x20, row.size, 20)).toEqual(values.toReversed());
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(guest.vcpu.getRegs()).toMatchObject({ rcx: 0n, rsi: BigInt(data - row.size) });
  });

  test.each(repeated)('reads elements of $size bytes downwards when the direction flag is set', (row) => {
    const values = elements(row.size, 20);
    const rdi = BigInt(data + 19 * row.size);
    using guest = machine(backend, 'long', row.inBackwards, { regs: { rcx: 20n, rdx: 0x20n, rdi } });
    giveString(guest.vcpu, 0x20, row.size, values);
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(guest.memory.read(data, 20 * row.size)).toEqual(toBytes(values.toReversed(), row.size));
    expect(guest.vcpu.getRegs()).toMatchObject({ rcx: 0n, rdi: BigInt(data - row.size) });
  });

  test.each(repeated)('does nothing with elements of $size bytes when RCX is 0', (row) => {
    for (const code of [row.out, row.in]) {
      using guest = machine(backend, 'long', code, { regs: { rdx: 0x20n, rsi: BigInt(data), rdi: BigInt(data) } });
      runTo(guest.vcpu, ExitReason.Hlt);
      expect(guest.vcpu.getRegs()).toMatchObject({ rcx: 0n, rsi: BigInt(data), rdi: BigInt(data) });
    }
  });

  test('repeats in real mode too, by CX, from DS:SI and to ES:DI', () => {
    const values = elements(2, 9);
    const regs = { rbx: 9n, rcx: 9n, rdx: 0x20n, rsi: BigInt(data), rdi: BigInt(data + 0x100) };
    using guest = machine(backend, 'real', realModeStrings, { regs });
    guest.memory.write(data, toBytes(values, 2));
    expect(takeString(guest.vcpu, 0x20, 2, 9)).toEqual(values);
    giveString(guest.vcpu, 0x20, 2, values);
    runTo(guest.vcpu, ExitReason.Hlt);
    expect(guest.memory.read(data + 0x100, 18)).toEqual(toBytes(values, 2));
  });
});
