import { expect, test } from 'vitest';
import { describeUnless } from '../../../../kvm-core/test/backends.js';
import { noIasl, roundTrip } from '../../../test/iasl.js';
import { checkPlatform } from './check-platform.js';
import { pciHost } from './pci-host.js';
import { dsdt } from './tables/dsdt.js';
import { mcfg } from './tables/mcfg.js';

const described = {
  ecam: 0xe000_0000n,
  windows: [
    { start: 0xe800_0000n, length: 0x800_0000n },
    { start: 0x40_0000_0000n, length: 0x10_0000_0000n },
  ],
  interrupts: new Map([
    [1, 20],
    [31, 23],
  ]),
};

describeUnless(noIasl, 'iasl', () => {
  test('takes the host bridge for what it is', () => {
    const source = roundTrip(dsdt(checkPlatform({ cpus: 1, devices: pciHost(described) })));
    const text = source.replaceAll(/\s*\/[/*].*$/gm, '').replaceAll(/\s+/g, ' ');
    for (const part of [
      'Name (_HID, EisaId ("PNP0A08")',
      'Name (_CID, EisaId ("PNP0A03")',
      'Name (_SEG, Zero)',
      'Name (_BBN, Zero)',
      'WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode, 0x0000, 0x0000, 0x0000, 0x0000, 0x0001,',
      'IO (Decode16, 0x0CF8, 0x0CF8, 0x01, 0x08, )',
      'ReadWrite, 0x00000000, 0xE8000000, 0xEFFFFFFF, 0x00000000, 0x08000000,',
      '0x0000004000000000, 0x0000004FFFFFFFFF, 0x0000000000000000, 0x0000001000000000,',
      'Package (0x04) { 0x0001FFFF, Zero, Zero, 0x14 }',
      'Package (0x04) { 0x001FFFFF, Zero, Zero, 0x17 }',
      'Name (_HID, EisaId ("PNP0C02")',
      'Memory32Fixed (ReadWrite, 0xE0000000, 0x00100000,',
      'Method (_OSC, 4, Serialized)',
      'CreateDWordField (Arg3, Zero, CDW1)',
      'ToUUID ("33db4d5b-1ff7-401c-9657-7441c03dd766")',
      'CDW3 &= 0x1F',
    ]) {
      expect(text).toContain(part);
    }
  });

  test('finds the configuration space in memory', () => {
    const source = roundTrip(mcfg({ start: 0xe000_0000n, buses: 1 }));
    expect(source).toMatch(/Base Address : 00000000E0000000/);
    expect(source).toMatch(/Segment Group Number : 0000/);
    expect(source).toMatch(/Start Bus Number : 00/);
    expect(source).toMatch(/End Bus Number : 00/);
  });
});
