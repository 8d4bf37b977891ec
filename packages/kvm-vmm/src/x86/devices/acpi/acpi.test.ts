import { KvmError } from '@kvm/core';
import { expect, test } from 'vitest';
import { InterruptLine } from '../../../devices/interrupt-line.js';
import { FixedAcpi } from './fixed-hardware.js';
import { HardwareReducedAcpi, hardwareReduced } from './hardware-reduced.js';

test('hardware-reduced: SLP_EN with the type of S5 powers off, and nothing else does', () => {
  const acpi = new HardwareReducedAcpi();
  for (const value of [5 << 2, 0x20, 0x20 | (3 << 2), 0x20 | (4 << 2)])
    acpi.write(hardwareReduced.sleepControl, 1, value);
  expect(acpi.outcome).toBeUndefined();
  expect(acpi.read(hardwareReduced.sleepControl, 1)).toBe(4 << 2);
  acpi.write(hardwareReduced.sleepControl, 1, 0x20 | (5 << 2));
  acpi.write(hardwareReduced.reset, 1, hardwareReduced.resetValue);
  expect(acpi.outcome).toEqual({ kind: 'power-off' });
});

test('hardware-reduced: the reset value reboots, and no other value does', () => {
  const acpi = new HardwareReducedAcpi();
  for (const value of [0, 2, 0xff]) acpi.write(hardwareReduced.reset, 1, value);
  expect(acpi.outcome).toBeUndefined();
  acpi.write(hardwareReduced.reset, 1, hardwareReduced.resetValue);
  expect(acpi.outcome).toEqual({ kind: 'reboot' });
});

test('hardware-reduced: the power button raises the line until the events are read as a whole', () => {
  const levels: boolean[] = [];
  const acpi = new HardwareReducedAcpi({ line: new InterruptLine((level) => levels.push(level)) });
  acpi.press();
  acpi.press();
  expect(acpi.read(hardwareReduced.events, 1)).toBe(0xff);
  expect(acpi.read(hardwareReduced.events, 4)).toBe(hardwareReduced.powerButton);
  expect(acpi.read(hardwareReduced.events, 4)).toBe(0);
  expect(levels).toEqual([true, false]);
});

test('hardware-reduced: a write of four bytes is one of sleep control, sleep status and reset', () => {
  const acpi = new HardwareReducedAcpi();
  acpi.write(0, 4, 0xff_01_ff_14);
  expect(acpi.outcome).toEqual({ kind: 'reboot' });
  expect(acpi.read(0, 4)).toBe(0xff_00_00_14);
});

test('hardware-reduced: a saved press raises the line of the restored machine', () => {
  const acpi = new HardwareReducedAcpi();
  acpi.press();
  const line = new InterruptLine();
  const restored = new HardwareReducedAcpi({ line });
  restored.load(JSON.parse(JSON.stringify(acpi.save())));
  expect([line.level, restored.read(hardwareReduced.events, 4)]).toEqual([true, hardwareReduced.powerButton]);
});

test('hardware-reduced: a new generation is an event beside the power button', () => {
  const line = new InterruptLine();
  const acpi = new HardwareReducedAcpi({ line });
  acpi.press();
  acpi.changeGeneration();
  expect(acpi.read(hardwareReduced.events, 4)).toBe(hardwareReduced.powerButton | hardwareReduced.newGeneration);
  expect([line.level, acpi.read(hardwareReduced.events, 4)]).toEqual([false, 0]);
});

test('fixed hardware: the power button raises the SCI if enabled, until its status is cleared by a one', () => {
  const line = new InterruptLine();
  const acpi = new FixedAcpi({ line });
  acpi.press();
  expect([acpi.read(0, 2), line.level]).toEqual([0x100, false]);
  acpi.write(2, 2, 0x100);
  expect(line.level).toBe(true);
  acpi.write(0, 2, 0xfeff);
  acpi.write(0, 1, 0xff);
  expect(line.level).toBe(true);
  acpi.write(0, 2, 0x100);
  expect([acpi.read(0, 2), line.level]).toEqual([0, false]);
});

test('fixed hardware: only events that exist can be enabled, byte by byte, too', () => {
  const acpi = new FixedAcpi();
  acpi.write(2, 2, 0xffff);
  expect(acpi.read(2, 2)).toBe(0x721);
  acpi.write(3, 1, 0);
  expect(acpi.read(2, 2)).toBe(0x21);
});

test('fixed hardware: it is in ACPI mode, and SLP_EN with the type of S5 powers off', () => {
  const acpi = new FixedAcpi();
  acpi.write(4, 2, 0x1400);
  expect([acpi.read(4, 2), acpi.outcome]).toEqual([0x1401, undefined]);
  acpi.write(4, 2, 0x2000);
  expect(acpi.outcome).toBeUndefined();
  acpi.write(5, 1, 0x34);
  expect([acpi.read(4, 2), acpi.outcome]).toEqual([0x1401, { kind: 'power-off' }]);
});

test('fixed hardware: an access of four bytes writes status and enable', () => {
  const line = new InterruptLine();
  const acpi = new FixedAcpi({ line });
  acpi.press();
  acpi.write(0, 4, 0x0100_0000);
  expect([acpi.read(0, 4), line.level]).toEqual([0x0100_0100, true]);
});

test.each([
  [new HardwareReducedAcpi(), { sleepControl: 0x01 }],
  [new HardwareReducedAcpi(), { events: 1 }],
  [new HardwareReducedAcpi(), { outcome: 'halt' }],
  [new FixedAcpi(), { enable: 0x2 }],
  [new FixedAcpi(), { control: 0x1 }],
  [new FixedAcpi(), { isOff: null }],
  [new FixedAcpi(), { version: 3 }],
])('%o refuses a state with %o, and keeps its own', (acpi: FixedAcpi | HardwareReducedAcpi, fields) => {
  acpi.press();
  const good = acpi.save();
  expect(() => acpi.load({ ...good, ...fields } as never)).toThrow(KvmError);
  expect(acpi.save()).toEqual(good);
});

test('ports beyond the last and a line that is none are refused', () => {
  for (const options of [{ port: 0xffff }, { line: {} }, { other: 1 }]) {
    expect(() => new FixedAcpi(options as never)).toThrow(KvmError);
    expect(() => new HardwareReducedAcpi(options as never)).toThrow(KvmError);
  }
});
