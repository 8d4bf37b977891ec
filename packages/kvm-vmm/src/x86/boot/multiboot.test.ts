import { expect, test } from 'vitest';
import { contentOf, elfImage, faultsOf, MiB, multibootHeader, segment } from '../../../test/boot-images.js';
import { bytesSource } from '../../boot/byte-source.js';
import type { BootPlan, LinuxImage } from './plan.js';
import { planBoot } from './plan-boot.js';

function plan(kernel: Uint8Array, image: Partial<LinuxImage> = {}, memorySize = 64 * MiB): BootPlan {
  const planned = planBoot({ kernel: bytesSource(kernel), ...image }, { memorySize });
  expect(faultsOf(planned)).toEqual([]);
  return planned;
}

/** An ELF file whose first segment begins with a multiboot header. */
function elf(options: Parameters<typeof elfImage>[0] = {}, flags = 3): Buffer {
  const data = Buffer.concat([multibootHeader(flags), Buffer.alloc(0x100, 0xf4)]);
  return elfImage({ entry: 0x10_0030n, segments: [{ paddr: 0x10_0000n, memsz: 0x1000n, data }], ...options });
}

test('an ELF kernel of either class is entered in 32 bits, with the magic number in EAX', () => {
  for (const bits of [32, 64] as const) {
    const planned = plan(elf({ bits, machine: bits === 32 ? 3 : 62 }));
    const rbx = segment(planned, "multiboot's information").addr;
    const entry = { mode: 'protected', rip: 0x10_0030n, rax: 0x2bad_b002n, rbx, rsi: 0n };
    expect(planned).toMatchObject({ protocol: 'multiboot', entry });
    expect(segment(planned, 'segment 0 of the kernel')).toMatchObject({ addr: 0x10_0000n, room: 0x1000n });
  }
});

test('PVH comes before multiboot, unless multiboot is asked for', () => {
  const kernel = bytesSource(elf({ pvh: 0x10_0030n }));
  expect(planBoot({ kernel }, { memorySize: 64 * MiB }).protocol).toBe('pvh');
  expect(planBoot({ kernel }, { memorySize: 64 * MiB, protocol: 'multiboot' }).protocol).toBe('multiboot');
});

test('the information has memory, command line, modules and the memory map', () => {
  const image = {
    cmdline: 'root',
    initrd: bytesSource(Buffer.alloc(5)),
    modules: [{ source: bytesSource(Buffer.alloc(0x1001)), cmdline: 'second' }],
  };
  const planned = plan(elf(), image, 5 * 1024 * MiB);
  const { addr } = segment(planned, "multiboot's information");
  const info = contentOf(segment(planned, "multiboot's information"));
  const word = (at: number): number => info.readUInt32LE(at);
  const text = (paddr: number): string | undefined => {
    const found = planned.segments.find((each) => each.addr === BigInt(paddr));
    return found && contentOf(found).toString();
  };
  expect(word(0)).toBe(0b100_1101);
  expect([word(4), word(8)]).toEqual([639, 3 * 1024 * 1024 - 1024]);
  expect(text(word(16))).toBe('root\0');

  const modules = word(24) - Number(addr);
  expect(word(20)).toBe(2);
  expect([word(modules), word(modules + 4)]).toEqual([0xbfff_f000, 0xbfff_f005]);
  expect([word(modules + 16), word(modules + 20)]).toEqual([0xbfff_d000, 0xbfff_e001]);
  expect([text(word(modules + 8)), text(word(modules + 24))]).toEqual(['\0', 'second\0']);

  const map = word(48) - Number(addr);
  expect(word(44)).toBe(3 * 24);
  expect([0, 24, 48].map((at) => [word(map + at), word(map + at + 20)])).toEqual([
    [20, 1],
    [20, 1],
    [20, 1],
  ]);
  expect([info.readBigUInt64LE(map + 52), info.readBigUInt64LE(map + 60)]).toEqual([2n ** 32n, 2n ** 31n]);
});

/** A file of another format: 0x40 bytes to pass over, then what is loaded to 1 MiB, with the header 0x10 bytes on. */
function flat(addresses: Parameters<typeof multibootHeader>[1] = {}): Buffer {
  const given = { header: 0x10_0010, load: 0x10_0000, loadEnd: 0, bssEnd: 0, entry: 0x10_0030, ...addresses };
  return Buffer.concat([Buffer.alloc(0x50), multibootHeader(0x1_0000, given), Buffer.alloc(0x100, 0xf4)]);
}

test('a header with addresses says what is loaded', () => {
  const planned = plan(flat());
  expect(planned.entry.rip).toBe(0x10_0030n);
  expect(segment(planned, 'the kernel')).toMatchObject({ addr: 0x10_0000n, offset: 0x40, size: 0x130, room: 0x130n });
  const bounded = plan(flat({ loadEnd: 0x10_0080, bssEnd: 0x10_1000 }));
  expect(segment(bounded, 'the kernel')).toMatchObject({ size: 0x80, room: 0x1000n });
});

test.each([
  ['a header before the load address', { header: 0xf_fff0 }, 'which does not fit its load address 0x100000'],
  ['a load address before the file', { load: 0xf_0000 }, 'which does not fit its load address 0xf0000'],
  ['an end before the beginning', { loadEnd: 0x10_0000 }, 'the kernel ends at 0x100000, before it begins'],
  ['an end after the file', { loadEnd: 0x10_0131 }, 'the kernel is truncated'],
  ['memory that ends before the bytes', { bssEnd: 0x10_0100 }, 'memory ends at 0x100100, before its bytes do'],
  ['an entry outside', { entry: 0x10_0130 }, 'the entry of the kernel, 0x100130, is not in what is loaded'],
  ['memory that there is not', { bssEnd: 0xffff_ffff }, 'which is not all memory'],
])('%s is refused', (_, addresses, message) => {
  expect(() => plan(flat(addresses))).toThrow(message);
});

test('demands that cannot be met are refused, and a file that nothing can load', () => {
  expect(() => plan(elf({}, 1 << 2))).toThrow('multiboot flags 0x4');
  expect(() => plan(elf({}, 0x8000))).toThrow('multiboot flags 0x8000');
  expect(() => plan(multibootHeader(0))).toThrow('the multiboot kernel is no ELF file');
  expect(() => plan(elf({ entry: 0x20_0000n }))).toThrow('the entry of the kernel, 0x200000, is in none');
  expect(() => plan(elf({ machine: 40 }))).toThrow('the kernel is for arm');
  const setupData = [{ type: 1, data: new Uint8Array() }];
  expect(() => planBoot({ kernel: bytesSource(elf()) }, { memorySize: 64 * MiB, setupData })).toThrow('setup data');
});

test('a header is one only with its checksum, on a boundary of 4 bytes, in the first 8 KiB', () => {
  const header = multibootHeader(0x1_0000, { header: 0x10_0000, load: 0x10_0000, entry: 0x10_0000 });
  const tail = Buffer.alloc(16);
  const at = (offset: number): Buffer => Buffer.concat([Buffer.alloc(offset), header, tail]);
  expect(plan(at(8188)).protocol).toBe('multiboot');
  for (const offset of [2, 8192]) expect(() => plan(at(offset))).toThrow('neither a bzImage, nor an ELF file');
  const wrong = at(0);
  wrong.writeUInt32LE(wrong.readUInt32LE(8) + 1, 8);
  expect(() => plan(wrong)).toThrow('nor a multiboot kernel');
});
