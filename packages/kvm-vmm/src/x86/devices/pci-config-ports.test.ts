import { KvmError } from '@kvm/core';
import { expect, test } from 'vitest';
import { PciBus } from '../../pci/bus.js';
import { HostBridge } from '../../pci/host-bridge.js';
import { PciConfigPorts } from './pci-config-ports.js';

function withHostBridge(): PciConfigPorts {
  const bus = new PciBus({ ecam: 0xe000_0000n, memory32: { start: 0xe800_0000n, length: 0x10_0000n } });
  bus.add(new HostBridge());
  return new PciConfigPorts(bus);
}

test('an address of four bytes is read back, without its reserved bits', () => {
  const ports = withHostBridge();
  ports.write(0, 4, 0xffff_ffff);
  expect(ports.read(0, 4)).toBe(0x80ff_fffc);
  for (const [offset, size] of [
    [0, 1],
    [0, 2],
    [3, 1],
    [2, 2],
  ] as const)
    ports.write(offset, size, 0);
  expect(ports.read(0, 4)).toBe(0x80ff_fffc);
  // The probe for configuration mechanism 2 must fail.
  expect([ports.read(0, 1), ports.read(2, 1), ports.read(0, 2)]).toEqual([0xff, 0xff, 0xffff]);
});

test('the data ports are four bytes of the configuration space that the address selects', () => {
  const ports = withHostBridge();
  ports.write(0, 4, 0x8000_0000);
  expect([ports.read(4, 4), ports.read(6, 2), ports.read(5, 1)]).toEqual([0x0008_1b36, 0x0008, 0x1b]);
  ports.write(0, 4, 0x8000_0004);
  ports.write(5, 1, 0x04);
  ports.write(4, 2, 0x0402);
  expect(ports.read(4, 2)).toBe(0x0402);
});

test.each([
  ['without its enable bit', 0x0000_0000],
  ['of another bus', 0x8001_0000],
  ['of a device that is not there', 0x8000_0800],
  ['of another function', 0x8000_0100],
])('an address %s selects nothing: all ones', (_, address) => {
  const ports = withHostBridge();
  ports.write(0, 4, address);
  ports.write(4, 4, 0);
  expect([ports.read(4, 4), ports.read(6, 2), ports.read(7, 1)]).toEqual([0xffff_ffff, 0xffff, 0xff]);
  // Half of it in the address, half in the data.
  expect(ports.read(2, 4)).toBe(0xffff_ffff);
});

test('a byte to 0xcf9 that starts a reset reboots', () => {
  const ports = withHostBridge();
  ports.write(1, 1, 0x02);
  ports.write(1, 2, 0x0606);
  ports.write(0, 4, 0x8000_0600);
  expect([ports.read(1, 1), ports.outcome]).toEqual([0x02, undefined]);
  ports.write(1, 1, 0x06);
  expect(ports.outcome).toEqual({ kind: 'reboot' });
});

test.each([{ address: -1 }, { address: 2 ** 32 }, { address: 1 }, { resetControl: 4 }, { version: 2 }])(
  'a state with %o is refused, and changes nothing',
  (fields) => {
    const ports = withHostBridge();
    const good = ports.save();
    expect(() => ports.load({ ...good, ...fields } as never)).toThrow(KvmError);
    expect(ports.save()).toEqual(good);
  },
);
