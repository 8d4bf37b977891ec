import { describe, expect, test } from 'vitest';
import { describeUnless } from '../../../../kvm-core/test/backends.js';
import { kvmError } from '../../../../kvm-core/test/errors.js';
import { found } from '../../../test/acpi-tables.js';
import { noIasl, roundTrip } from '../../../test/iasl.js';
import * as aml from './aml/index.js';
import type { AcpiDevice, Platform } from './platform.js';
import { acpiTables } from './tables.js';

const serial: AcpiDevice = {
  name: 'COM1',
  hid: 'PNP0501',
  uid: 0,
  resources: [
    { type: 'io', port: 0x3f8, length: 8 },
    { type: 'interrupt', gsi: 4 },
  ],
};
const reduced: Platform = {
  cpus: 2,
  devices: [serial],
  reset: { port: 0x64, value: 0xfe },
  sleep: { controlPort: 0x600, statusPort: 0x601 },
  powerButton: { gsi: 9, eventsPort: 0x604 },
  generationId: { address: 0x1_0000_0008n },
};
const full: Platform = {
  cpus: 2,
  hardwareReduced: false,
  devices: [serial],
  reset: { port: 0xcf9, value: 6 },
  pm1: { eventPort: 0x600, controlPort: 0x604 },
  pmTimerPort: 0x608,
  overrides: [{ irq: 0, gsi: 2 }],
  rtc: true,
  i8042: true,
  vga: true,
};

const sum = (bytes: Uint8Array): number => bytes.reduce((total, byte) => total + byte, 0) & 0xff;

describe('the ACPI tables of a machine', () => {
  test('are found from the RSDP on, and their bytes add up to zero', () => {
    for (const [platform, signatures] of [
      [reduced, ['APIC', 'DSDT', 'FACP', 'RSD PTR ', 'XSDT']],
      [full, ['APIC', 'DSDT', 'FACP', 'FACS', 'RSD PTR ', 'XSDT']],
    ] as const) {
      const tables = acpiTables(platform, 0xf_0000n);
      expect([tables.rsdp, tables.start]).toEqual([0xf_0000n, 0xf_0000n]);
      const all = found(tables);
      expect([...all.keys()].sort()).toEqual(signatures);
      for (const [signature, bytes] of all) expect(signature === 'FACS' ? 0 : sum(bytes), signature).toBe(0);
      const pointer = all.get('RSD PTR ') as Uint8Array;
      expect(Buffer.from(pointer).toString('latin1', 0, 8)).toBe('RSD PTR ');
      expect([sum(pointer.subarray(0, 20)), pointer[15]]).toEqual([0, 2]);
    }
  });

  test('are the same each time', () => {
    expect(acpiTables(reduced)).toEqual(acpiTables(reduced));
  });

  test('must end below the reset vector', () => {
    const { bytes } = acpiTables({ cpus: 300, devices: [serial] });
    expect(acpiTables({ cpus: 300, devices: [serial] }, 0xf_ffc0n - BigInt(bytes.length)).bytes.length).toBe(
      bytes.length,
    );
    for (const [platform, start] of [
      [{ cpus: 300, devices: [serial] }, 0x10_0040n - BigInt(bytes.length)],
      [{ cpus: 8192 }, 0xe_1000n],
      [{ cpus: 8193 }, 0xe_0000n],
      [{ cpus: 0 }, 0xe_0000n],
      [{ cpus: 1 }, 0xd_0000n],
      [{ cpus: 1 }, 0x10_0000n],
      [{ cpus: 1 }, 0xe_0010n],
    ] as const) {
      kvmError('ERR_KVM_OUT_OF_RANGE', () => acpiTables(platform, start));
    }
  });

  test('are refused for what ACPI does not have', () => {
    const device = (changes: object): Platform => ({ cpus: 1, devices: [{ ...serial, ...changes }] });
    for (const platform of [
      device({ name: 'com1' }),
      device({ name: 'COM10' }),
      device({ name: '1COM' }),
      device({ name: '' }),
      device({ hid: 'pnp0501' }),
      device({ hid: 5 }),
      device({ cid: 'PNP0500' }),
      device({ resources: [{ type: 'port' }] }),
      device({ resources: [{ type: 'io', port: 0, lenght: 1 }] }),
      device({ resources: [undefined] }),
      device({ resources: 5 }),
      device({ resources: [{ type: 'interrupt', gsi: 4, trigger: 'rising' }] }),
      device({ resources: [{ type: 'irq', irq: 4, shared: 1 }] }),
      device({ objects: ['_STA'] }),
      device({ objects: 5 }),
      { cpus: 1, devices: 5 as never },
      { cpus: 1, devices: [undefined as never] },
      { cpus: 1, ioApic: { adress: 0 } as never },
      { cpus: 1, reset: null as never },
      { cpus: 1, sleep: { controlPort: 1 } as never },
      { ...reduced, powerButton: 9 as never },
      { ...reduced, powerButton: undefined as never },
      { ...reduced, generationId: { address: 4n } },
      { ...full, pm1: [] as never },
      { ...full, overrides: [{ irq: 0, gsi: 2, polarity: 'up' as never }] },
      { cpus: 1, devices: [serial, serial] },
      { ...reduced, devices: [{ ...serial, name: 'PWRB' }] },
      { cpus: 1, hardwareReduced: false },
      { ...full, hardwareReduced: true },
      { ...full, powerButton: { gsi: 9, eventsPort: 0x604 } },
      { cpus: 1, hpet: true } as Platform,
      { cpus: '2' as never },
      undefined as never,
    ]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => acpiTables(platform));
    }
    for (const platform of [
      device({ uid: -1 }),
      device({ resources: [{ type: 'io', port: 0xffff, length: 2 }] }),
      device({ resources: [{ type: 'io', port: 0, length: 256 }] }),
      device({ resources: [{ type: 'irq', irq: 16 }] }),
      device({ resources: [{ type: 'interrupt', gsi: 2 ** 32 }] }),
      device({ resources: [{ type: 'memory', start: 2n ** 64n, length: 1n }] }),
      device({ resources: [{ type: 'memory', start: 0n, length: 0n }] }),
      device({ resources: [{ type: 'busNumbers', first: 1, last: 0 }] }),
      { ...full, overrides: [{ irq: 16, gsi: 2 }] },
      { ...reduced, reset: { port: 0x64, value: 256 } },
      { ...reduced, powerButton: { gsi: 9, eventsPort: 0 } },
      { ...reduced, powerButton: { gsi: 9, eventsPort: 4, mask: 0 } },
    ]) {
      kvmError('ERR_KVM_OUT_OF_RANGE', () => acpiTables(platform));
    }
  });
});

/** The values of the lines `Name : value` of a disassembled table, with the line's name. */
function valuesOf(source: string, name: string): string[] {
  return [...source.matchAll(/^(?:\[.*?\])?[ ]*(\S.*?) : (.*)$/gm)]
    .filter(([, key]) => key === name)
    .map(([, , value = '']) => value);
}

describeUnless(noIasl, 'iasl', () => {
  test.each([1, 2, 255, 300])('takes the tables of %i processors for what they are', (cpus) => {
    for (const platform of [reduced, full]) {
      const all = found(acpiTables({ ...platform, cpus }));
      all.delete('RSD PTR ');
      const sources = new Map([...all].map(([signature, bytes]) => [signature, roundTrip(bytes)]));
      const apic = sources.get('APIC') ?? '';
      expect(valuesOf(apic, 'Subtable Type').filter((type) => type.startsWith('00'))).toHaveLength(Math.min(cpus, 255));
      const ids = valuesOf(apic, 'Processor x2Apic ID').map((id) => Number.parseInt(id, 16));
      expect(ids).toEqual(Array.from({ length: Math.max(cpus - 255, 0) }, (_, i) => 255 + i));
    }
  });

  test('finds the registers of hardware-reduced ACPI', () => {
    const facp = roundTrip(found(acpiTables(reduced)).get('FACP') as Uint8Array);
    expect(valuesOf(facp, 'Hardware Reduced (V5)')).toEqual(['1']);
    expect(valuesOf(facp, 'CMOS RTC Not Present (V5)')).toEqual(['1']);
    expect(valuesOf(facp, 'VGA Not Present (V4)')).toEqual(['1']);
    expect(valuesOf(facp, '8042 Present on ports 60/64 (V2)')).toEqual(['0']);
    expect(valuesOf(facp, 'Value to cause reset')).toEqual(['FE']);
    expect(facp).toMatch(/Reset Register :.*?Address : 0000000000000064/s);
    expect(facp).toMatch(/Sleep Control Register :.*?Address : 0000000000000600/s);
    expect(facp).toMatch(/Sleep Status Register :.*?Address : 0000000000000601/s);
  });

  test('finds the fixed registers of full ACPI', () => {
    const all = found(acpiTables(full));
    const facp = roundTrip(all.get('FACP') as Uint8Array);
    expect(valuesOf(facp, 'SCI Interrupt')).toEqual(['0009']);
    expect(valuesOf(facp, 'PM1A Event Block Address')).toEqual(['00000600']);
    expect(valuesOf(facp, 'PM1A Control Block Address')).toEqual(['00000604']);
    expect(valuesOf(facp, 'PM Timer Block Address')).toEqual(['00000608']);
    expect(valuesOf(facp, 'Control Method Power Button (V1)')).toEqual(['0']);
    expect(valuesOf(facp, 'CMOS RTC Not Present (V5)')).toEqual(['0']);
    expect(valuesOf(facp, 'RTC Century Index')).toEqual(['32']);
    const apic = roundTrip(all.get('APIC') as Uint8Array);
    expect(valuesOf(apic, 'PC-AT Compatibility')).toEqual(['1']);
    expect(valuesOf(apic, 'Source')).toEqual(['00', '09']);
    // The I/O APIC has a field of the same name.
    expect(valuesOf(apic, 'Interrupt')).toEqual(['00000000', '00000002', '00000009']);
    expect(valuesOf(apic, 'Trigger Mode').slice(0, 2)).toEqual(['1', '3']);
  });

  test('finds no PICs where there are none', () => {
    const apic = roundTrip(found(acpiTables({ ...full, pics: false })).get('APIC') as Uint8Array);
    expect(valuesOf(apic, 'PC-AT Compatibility')).toEqual(['0']);
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => acpiTables({ ...reduced, pics: true }));
  });

  test('finds the power button and soft off in the DSDT', () => {
    const source = roundTrip(found(acpiTables(reduced)).get('DSDT') as Uint8Array);
    expect(source).toMatch(/Device \(COM1\).*EisaId \("PNP0501"\).*0x03F8,.*0x00000004,/s);
    expect(source).toMatch(/"ACPI0013".*Interrupt \(ResourceConsumer, Level, ActiveHigh, .*0x00000009,/s);
    expect(source).toMatch(/OperationRegion \(EREG, SystemIO, 0x0604, 0x04\).*EVTS, +32/s);
    expect(source).toMatch(/_EVT, 1, Serialized.*Local0 = EVTS.*If \(\(Local0 & 0x02\)\).*Notify \(PWRB, 0x80\)/s);
    expect(source).toMatch(/If \(\(Local0 & 0x40\)\).*Notify \(VGEN, 0x80\)/s);
    expect(source).toMatch(/Device \(VGEN\).*_CID, "VM_Gen_Counter".*ADDR, Package \(0x02\).*0x08,.*One/s);
    expect(source).toMatch(/Name \(_S5, Package \(0x04\).*0x05,/s);
    expect(roundTrip(found(acpiTables({ cpus: 1 })).get('DSDT') as Uint8Array)).not.toMatch(/_S5|PWRB/);
  });

  test('finds every kind of resource', () => {
    const described: AcpiDevice = {
      name: 'PCI0',
      hid: 'PNP0A08',
      uid: 1,
      resources: [
        { type: 'busNumbers', first: 0, last: 255 },
        { type: 'ioWindow', port: 0x1000, length: 0xf000 },
        { type: 'ioWindow', port: 0, length: 0x1_0000 },
        { type: 'memoryWindow', start: 0xc000_0000n, length: 0x1000_0000n },
        { type: 'memoryWindow', start: 0x80_0000_0000n, length: 0x10_0000_0000n, prefetchable: true },
        { type: 'memory', start: 0xd000_0000n, length: 0x200n },
        { type: 'memory', start: 0x1_d000_0000n, length: 0x200n },
        { type: 'memoryWindow', start: 0n, length: 2n ** 32n },
        { type: 'irq', irq: 11, trigger: 'level', polarity: 'low', shared: true },
        { type: 'interrupt', gsi: 17, trigger: 'level', polarity: 'low', shared: true },
      ],
      objects: [aml.name('_CID', aml.hardwareId('PNP0A03'))],
    };
    const source = roundTrip(found(acpiTables({ cpus: 1, devices: [described] })).get('DSDT') as Uint8Array);
    const text = source.replaceAll(/\s*\/\/.*$/gm, '').replaceAll(/\s+/g, ' ');
    for (const part of [
      'WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode, 0x0000, 0x0000, 0x00FF, 0x0000, 0x0100,',
      'WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange, 0x0000, 0x1000, 0xFFFF, 0x0000, 0xF000,',
      'DWordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange, 0x00000000, 0x00000000, 0x0000FFFF,',
      'NonCacheable, ReadWrite, 0x00000000, 0xC0000000, 0xCFFFFFFF, 0x00000000, 0x10000000,',
      'Prefetchable, ReadWrite, 0x0000000000000000, 0x0000008000000000, 0x0000008FFFFFFFFF,',
      'Memory32Fixed (ReadWrite, 0xD0000000, 0x00000200,',
      'QWordMemory (ResourceConsumer, PosDecode, MinFixed, MaxFixed, NonCacheable, ReadWrite,',
      '0x00000000FFFFFFFF, 0x0000000000000000, 0x0000000100000000,',
      'IRQ (Level, ActiveLow, Shared, ) {11}',
      'Interrupt (ResourceConsumer, Level, ActiveLow, Shared, ,, ) { 0x00000011, }',
    ]) {
      expect(text).toContain(part);
    }
  });
});
