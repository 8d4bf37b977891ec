import { KvmError } from '@kvm/core';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../../../kvm-core/test/backends.js';
import { bzImage, elfImage, MiB, multibootHeader } from '../../../test/boot-images.js';
import { withGuest } from '../../../test/machine.js';
import { bytesSource } from '../../boot/byte-source.js';
import { Devices } from '../../machine/devices.js';
import { runVcpu } from '../../run/run-vcpu.js';
import { boot } from './boot.js';
import type { BootProtocol } from './plan.js';
import { planBoot } from './plan-boot.js';

function code(listing: string): Buffer {
  return Buffer.from(listing.replaceAll(/;.*|\s/g, ''), 'hex');
}

/** Reads the start info's magic number, then loads the segments from the descriptor table again. For 16 MiB. */
const code32 = code(`
  bc00f00900                   ; mov esp, 0x9f000
  8b0b                         ; mov ecx, [ebx]
  66ba1800 8eda 8ed2           ; mov dx, 0x18; mov ds, dx; mov ss, dx
  ea160000011000               ; jmp 0x10:0x1000016
  f4                           ; hlt
`);

/** Reads "HdrS" in the zero page, and loads the segments again. */
const code64 = code(`
  bc00f00900                   ; mov esp, 0x9f000
  8b8e02020000                 ; mov ecx, [rsi + 0x202]
  66ba1800 8eda 8ed2           ; mov dx, 0x18; mov ds, dx; mov ss, dx
  6a10 488d0503000000 50 48cb  ; push 0x10; lea rax, [rip + 3]; push rax; retf
  f4                           ; hlt
`);

const at16MiB = (data: Buffer, pvh?: bigint): Buffer =>
  elfImage({ segments: [{ paddr: 0x100_0000n, data }], ...(pvh !== undefined && { pvh }) });

function bzImageOf(data: Buffer): Buffer {
  const image = bzImage();
  // 64-bit code begins 0x200 bytes after the two setup sectors.
  data.copy(image, 1024 + 0x200);
  return image;
}

/** Reads the information's flags, and keeps the magic number in EAX. */
const multiboot = Buffer.concat([multibootHeader(0).subarray(0, 12), Buffer.alloc(4), code('8b0b f4')]);
const multibootElf = elfImage({ entry: 0x100_0010n, segments: [{ paddr: 0x100_0000n, data: multiboot }] });

const headerMagic = 0x5372_6448n;
const guests: [BootProtocol, Buffer, { rcx: bigint; rax?: bigint }][] = [
  ['bzimage', bzImageOf(code64), { rcx: headerMagic }],
  ['elf64', at16MiB(code64), { rcx: headerMagic }],
  ['pvh', at16MiB(code32, 0x100_0000n), { rcx: 0x336e_c578n, rax: 0n }],
  ['multiboot', multibootElf, { rcx: 0b100_1101n, rax: 0x2bad_b002n }],
];

onEachBackend('a kernel is booted', (backend) => {
  test.each(guests)('by %s, and finds what it is given', (protocol, image, registers) => {
    const memorySize = 32 * MiB;
    const plan = planBoot({ kernel: bytesSource(image) }, { memorySize });
    expect(plan.protocol).toBe(protocol);
    withGuest(backend, memorySize, ({ vcpu, memory }) => {
      boot(vcpu, memory, plan);
      expect(runVcpu(vcpu, { devices: new Devices() })).toEqual({ kind: 'halt' });
      expect(vcpu.getRegs()).toMatchObject(registers);
    });
  });

  test('not in memory of another size than the plan is for', () => {
    const plan = planBoot({ kernel: bytesSource(multibootElf) }, { memorySize: 32 * MiB });
    withGuest(backend, 16 * MiB, ({ vcpu, memory }) => {
      const start = (): void => boot(vcpu, memory, plan);
      expect(start).toThrow(KvmError);
      expect(start).toThrow('the plan is for 33554432 bytes of memory, and the guest has 16777216');
    });
  });
});
