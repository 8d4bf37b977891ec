import { expect, test } from 'vitest';
import { describeUnless } from '../../../kvm-core/test/backends.js';
import { found } from '../../test/acpi-tables.js';
import { noIasl, roundTrip } from '../../test/iasl.js';
import { InterruptLine } from '../devices/interrupt-line.js';
import { Devices } from '../machine/devices.js';
import type { GuestRam } from '../memory/guest-ram.js';
import { Board } from './board.js';
import { type BoardModelOptions, boardOf } from './board-model.js';
import { PciSystem } from './pci-system.js';

/** What a board writes to its guest's memory, by address. */
function written(options: BoardModelOptions, hasPci = false): Map<number, Uint8Array> {
  const all = new Map<number, Uint8Array>();
  const ram = { write: (address: number, bytes: Uint8Array) => all.set(address, bytes) } as unknown as GuestRam;
  const [devices, memorySize] = [new Devices(), 2 ** 29];
  const line = (): InterruptLine => new InterruptLine();
  const board = new Board({
    model: boardOf(options, 'linux'),
    hasPci,
    cpus: 2,
    memorySize,
    devices,
    ram,
    line,
    output: () => {},
    starved: () => {},
  });
  if (hasPci) board.pci = new PciSystem({ devices, memorySize, line });
  board.describe();
  return all;
}

/** The sources of the tables, by their signatures. */
function sources(options: BoardModelOptions, hasPci = false): Record<string, string> {
  const bytes = written(options, hasPci).get(0xe_0000) as Uint8Array;
  const tables = found({ rsdp: 0xe_0000n, start: 0xe_0000n, bytes });
  tables.delete('RSD PTR ');
  return Object.fromEntries([...tables].map(([signature, table]) => [signature, roundTrip(table)]));
}

const value = (source: string | undefined, name: string): string | undefined =>
  new RegExp(`${name} : (\\w+)`).exec(source ?? '')?.[1];

describeUnless(noIasl, 'the tables of a board, as iasl reads them', () => {
  test('have the sleep registers of hardware-reduced ACPI, and no PICs', () => {
    const { FACP, APIC, DSDT } = sources({});
    expect(value(FACP, String.raw`Hardware Reduced \(V5\)`)).toBe('1');
    expect(value(FACP, 'SCI Interrupt')).toBe('0000');
    expect(value(APIC, 'PC-AT Compatibility')).toBe('0');
    expect(DSDT).toMatch(/PNP0501.*PNP0B00.*QEMU0001.*ACPI0013/s);
  });

  test.each([
    ['kernel', '1'],
    ['split', '0'],
  ] as const)('have the fixed registers of full ACPI, with interrupts: %s', (interrupts, pics) => {
    const { FACP, APIC, DSDT } = sources({ acpi: 'full', interrupts });
    expect(value(FACP, String.raw`Hardware Reduced \(V5\)`)).toBe('0');
    expect(value(FACP, 'SCI Interrupt')).toBe('0009');
    expect(value(FACP, 'PM Timer Block Address')).toBe('00000608');
    expect(value(FACP, 'Value to cause reset')).toBe('FE');
    expect(value(APIC, 'PC-AT Compatibility')).toBe(pics);
    expect(DSDT).not.toContain('ACPI0013');
  });

  test('have the PCI bus of a board that has one', () => {
    const { MCFG, DSDT } = sources({}, true);
    expect(value(MCFG, 'Base Address')).toBe('00000000E0000000');
    expect(DSDT).toMatch(/PNP0501.*PNP0A08.*0xE8000000.*0x0000004000000000.*PNP0C02/s);
    expect(Object.keys(sources({}))).not.toContain('MCFG');
  });

  test('have the fw_cfg of the test machine', () => {
    expect(sources({ machine: 'test' })['DSDT']).toMatch(/"QEMU0002".*0x0510,.*0x0510,/s);
  });
});

test('the reset vector has code that resets the machine', () => {
  // mov dx, port; mov al, value; out dx, al; hlt
  const code = (options: BoardModelOptions) => Buffer.from(written(options).get(0xf_fff0) ?? []).toString('hex');
  expect(code({})).toBe('ba0206b001eef4ebfd');
  expect(code({ acpi: 'full' })).toBe('ba6400b0feeef4ebfd');
  expect(code({ machine: 'bare' })).toBe('');
});
