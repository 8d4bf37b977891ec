import { KvmError, MmioAccess } from '@kvm/core';
import { expect, test } from 'vitest';
import { DebugExit } from '../devices/debug-exit.js';
import type { BusRange, Device, DeviceState } from '../devices/device.js';
import { Uart } from '../devices/uart/uart.js';
import { Devices } from './devices.js';

/** Holds one byte, and records its accesses. */
class Latch implements Device {
  readonly name: string;
  readonly ranges: readonly BusRange[];
  readonly calls: number[][] = [];
  byte = 0;

  constructor(name: string, ranges: readonly BusRange[]) {
    this.name = name;
    this.ranges = ranges;
  }

  read(offset: number, size: number, range: number): number {
    this.calls.push([offset, size, range]);
    return this.byte;
  }

  write(offset: number, size: number, value: number, range: number): void {
    this.calls.push([offset, size, range]);
    this.byte = value;
  }

  save(): DeviceState & { byte: number } {
    return { version: 1, byte: this.byte };
  }

  load({ byte }: DeviceState & { byte: number }): void {
    this.byte = byte;
  }
}

function twoRanges(name = 'latch'): Latch {
  return new Latch(name, [
    { bus: 'pio', start: 0x500, length: 2 },
    { bus: 'mmio', start: 0xd000_0000n, length: 4n },
  ]);
}

test('a device answers in all its ranges, on both buses, and is told which range it is', () => {
  const devices = new Devices();
  const latch = devices.add(twoRanges());
  devices.pio.write(0x501, 1, 7);
  const access = new MmioAccess();
  access.assign({ physAddr: 0xd000_0002n, len: 1 });
  devices.mmio.dispatch(access);
  expect(access.value).toBe(7n);
  expect(latch.calls).toEqual([
    [1, 1, 0],
    [2, 1, 1],
  ]);
  expect([...devices]).toEqual([latch]);
});

test('a name and a range belong to one device', () => {
  const devices = new Devices();
  devices.add(twoRanges());
  expect(() => devices.add(twoRanges())).toThrow('there is another device named latch');
  expect(() => devices.add(twoRanges('other'))).toThrow('overlaps 0x500..0x501');
});

test.each([
  ['nothing', undefined],
  ['an object without a name', { ranges: [], read() {}, write() {} }],
  ['a range of no bus', { name: 'x', ranges: [{ bus: 'isa', start: 0, length: 1 }], read() {}, write() {} }],
  ['a range without accesses', { name: 'x', ranges: [{ bus: 'pio', start: 0, length: 1 }] }],
])('%s is refused as a device', (_, device) => {
  expect(() => new Devices().add(device as never)).toThrow(KvmError);
});

test('the outcome is that of the device that ended the run', () => {
  const devices = new Devices();
  devices.add(twoRanges());
  devices.add(new DebugExit());
  expect(devices.outcome).toBeUndefined();
  devices.pio.write(0xf4, 1, 5);
  expect(devices.outcome).toEqual({ kind: 'exit', status: 5 });
});

function board(): { devices: Devices; latch: Latch; uart: Uart } {
  const devices = new Devices();
  return { devices, latch: devices.add(twoRanges()), uart: devices.add(new Uart({ output: () => {} })) };
}

test('the states of all devices are saved and loaded by name', () => {
  const { devices, latch, uart } = board();
  latch.byte = 9;
  uart.write(7, 1, 0xa5);
  const states = JSON.parse(JSON.stringify(devices.save()));
  expect(Object.keys(states)).toEqual(['latch', 'com1']);
  const restored = board();
  restored.devices.load(states);
  expect([restored.latch.byte, restored.uart.read(7, 1)]).toEqual([9, 0xa5]);
});

test.each([
  ['no object', 5, 'must be an object'],
  ['a device too few', { latch: { version: 1, byte: 0 } }, 'the state of com1 is missing'],
  ['a device too many', { ...board().devices.save(), disk: { version: 1 } }, 'there is no device named disk'],
  ['another version', { ...board().devices.save(), com1: { version: 2 } }, 'must be of version 1'],
])('states with %s are refused', (_, states, message) => {
  expect(() => board().devices.load(states as never)).toThrow(message);
  expect(() => board().devices.load(states as never)).toThrow(KvmError);
});
