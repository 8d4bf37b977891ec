import { expect, test } from 'vitest';
import { contentOf, elfImage, faultsOf, MiB, segment } from '../../../test/boot-images.js';
import { HvmMemmapTableEntry, HvmModlistEntry, HvmStartInfo } from '../../abi/start-info/index.js';
import { bytesSource } from '../../boot/byte-source.js';
import type { BootEnvironment, BootPlan, LinuxImage } from './plan.js';
import { planBoot } from './plan-boot.js';

type Elf = Parameters<typeof elfImage>[0];

function plan(elf: Elf = {}, image: Partial<LinuxImage> = {}, environment: Partial<BootEnvironment> = {}): BootPlan {
  const kernel = bytesSource(elfImage({ pvh: 0x100_0080n, ...elf }));
  const planned = planBoot({ kernel, ...image }, { memorySize: 64 * MiB, ...environment });
  expect(faultsOf(planned)).toEqual([]);
  return planned;
}

/** A struct that the start info refers to. */
function text(planned: BootPlan, addr: bigint): string {
  const found = planned.segments.find((each) => each.addr === addr);
  return found === undefined ? `nothing at ${addr}` : contentOf(found).toString();
}

test('an ELF kernel with a PVH note is entered there in 32 bits, of either class', () => {
  for (const bits of [32, 64] as const) {
    const planned = plan({ bits, machine: bits === 64 ? 62 : 3 });
    const rbx = segment(planned, 'the start info').addr;
    expect(planned).toMatchObject({ protocol: 'pvh', entry: { mode: 'protected', rip: 0x100_0080n, rbx } });
    expect(segment(planned, 'segment 0 of the kernel')).toMatchObject({ addr: 0x100_0000n, size: 0x100 });
  }
});

test('segments go to their physical addresses, and have room for what is zero', () => {
  const segments = [
    { paddr: 0x100_0000n, vaddr: 0xffff_ffff_8100_0000n, data: Buffer.alloc(0x100, 1) },
    { paddr: 0x120_0000n, vaddr: 0n, memsz: 0x1_0000n, data: Buffer.from('data') },
    { paddr: 0x1n, memsz: 0n, data: Buffer.alloc(0) },
  ];
  const planned = plan({ segments });
  expect(planned.segments.filter(({ name }) => name.includes('of the kernel'))).toHaveLength(2);
  const second = segment(planned, 'segment 1 of the kernel');
  expect(second).toMatchObject({ addr: 0x120_0000n, size: 4, room: 0x1_0000n });
  expect(contentOf(second).toString()).toBe('data');
});

test('the start info has command line, modules, memory map and the address of the ACPI tables', () => {
  const image = {
    initrd: bytesSource(Buffer.alloc(0x1001)),
    cmdline: 'console=hvc0',
    modules: [{ source: bytesSource(Buffer.from('second')), cmdline: 'name=second' }],
  };
  const planned = plan({}, image, { rsdp: 0xe_0010n, memorySize: 5 * 1024 * MiB });
  const { addr, ...rest } = segment(planned, 'the start info');
  const bytes = contentOf({ addr, ...rest });
  const info = HvmStartInfo.at(bytes);
  expect(info).toMatchObject({ magic: 0x336e_c578, version: 1, flags: 0, nrModules: 2, rsdpPaddr: 0xe_0010n });
  expect(text(planned, info.cmdlinePaddr)).toBe('console=hvc0\0');
  const structAt = (paddr: bigint, index: number, size: number): Uint8Array =>
    bytes.subarray(Number(paddr - addr) + index * size);

  const modules = [0, 1].map((i) => HvmModlistEntry.at(structAt(info.modlistPaddr, i, HvmModlistEntry.size)));
  expect(modules.map(({ paddr, size }) => [paddr, size])).toEqual([
    [0xbfff_e000n, 0x1001n],
    [0xbfff_d000n, 6n],
  ]);
  expect(modules.map(({ cmdlinePaddr }) => text(planned, cmdlinePaddr))).toEqual(['\0', 'name=second\0']);

  const entries = Array.from({ length: info.memmapEntries }, (_, i) => {
    const entry = HvmMemmapTableEntry.at(structAt(info.memmapPaddr, i, HvmMemmapTableEntry.size));
    return [entry.addr, entry.size, entry.type];
  });
  expect(entries).toEqual([
    [0n, 0x9_fc00n, 1],
    [0x10_0000n, 0xbff0_0000n, 1],
    [0x1_0000_0000n, 0x8000_0000n, 1],
  ]);
});

test('without modules there is no list of them', () => {
  const info = HvmStartInfo.at(contentOf(segment(plan(), 'the start info')));
  expect([info.nrModules, info.modlistPaddr]).toEqual([0, 0n]);
});

const one = Buffer.alloc(16);
const at = (paddr: bigint, memsz = 16n): NonNullable<Elf> => ({ segments: [{ paddr, memsz, data: one }], pvh: paddr });

test.each([
  ['an entry outside the segments', { pvh: 0x200_0000n }, 'the PVH entry of the kernel, 0x2000000, is in none'],
  ['an entry above 4 GiB', { pvh: 0x1_0100_0080n }, 'is in none of its segments below 4 GiB'],
  ['a segment in the structures', at(0x8000n), "overlaps the boot loader's structures"],
  ['a segment among the ACPI tables', at(0xe_0000n), 'segment 0 of the kernel needs 0xe0000 to 0xe000f'],
  ['a segment at the end of memory', at(0x400_0000n - 8n), 'which is not all memory'],
  ['a segment across the end of addresses', at(2n ** 64n - 8n), 'ends beyond the address space'],
  ['a segment that is huge', at(0x100_0000n, 2n ** 64n - 0x100_0000n), 'which is not all memory'],
  ['a segment with less memory than bytes', at(0x100_0000n, 8n), 'has 16 bytes in the file and 8 in memory'],
  [
    'segments that overlap',
    { segments: [at(0x100_0000n), at(0x100_000fn)].flatMap((each) => each.segments ?? []) },
    'segment 1 of the kernel at 0x100000f to 0x100001e overlaps segment 0 of the kernel at 0x1000000 to 0x100000f',
  ],
  ['no segment', { segments: [] }, 'the ELF file of the kernel has nothing to load'],
])('%s is refused', (_, elf, message) => {
  expect(() => plan(elf)).toThrow(message);
});

test('a kernel without the note, setup data, too many modules and too much text are refused', () => {
  const kernel = bytesSource(elfImage());
  const environment = { memorySize: 64 * MiB };
  expect(() => planBoot({ kernel }, { ...environment, protocol: 'pvh' })).toThrow('the kernel has no PVH entry');
  expect(() => plan({}, {}, { setupData: [{ type: 1, data: one }] })).toThrow('PVH has no place for setup data');
  const modules = Array.from({ length: 257 }, () => ({ source: bytesSource(one) }));
  expect(() => plan({}, { modules })).toThrow('there are 257 modules; the limit is 256');
  const talkative = modules.slice(0, 40).map((each) => ({ ...each, cmdline: 'x'.repeat(2000) }));
  expect(() => plan({}, { modules: talkative })).toThrow('longer than 64 KiB');
});
