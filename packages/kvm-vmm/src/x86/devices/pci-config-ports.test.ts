import { KvmError } from '@kvm/core';
import { expect, test } from 'vitest';
import { PciConfigPorts } from './pci-config-ports.js';

test('an address of four bytes is read back, without its reserved bits', () => {
  const ports = new PciConfigPorts();
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

test('configuration registers are all ones in every size, and writes to them are ignored', () => {
  const ports = new PciConfigPorts();
  ports.write(0, 4, 0x8000_0000);
  ports.write(4, 4, 0);
  expect([ports.read(4, 4), ports.read(6, 2), ports.read(7, 1)]).toEqual([0xffff_ffff, 0xffff, 0xff]);
  // Half of it in the address, half in the data.
  expect(ports.read(2, 4)).toBe(0xffff_ffff);
});

test('a byte to 0xcf9 that starts a reset reboots', () => {
  const ports = new PciConfigPorts();
  ports.write(1, 1, 0x02);
  ports.write(1, 2, 0x0606);
  ports.write(0, 4, 0x8000_0600);
  expect([ports.read(1, 1), ports.outcome]).toEqual([0x02, undefined]);
  ports.write(1, 1, 0x06);
  expect(ports.outcome).toEqual({ kind: 'reboot' });
});

test.each([{ address: -1 }, { address: 2 ** 32 }, { address: 1 }, { resetControl: 4 }, { isReset: 1 }, { version: 2 }])(
  'a state with %o is refused, and changes nothing',
  (fields) => {
    const ports = new PciConfigPorts();
    const good = ports.save();
    expect(() => ports.load({ ...good, ...fields } as never)).toThrow(KvmError);
    expect(ports.save()).toEqual(good);
  },
);
