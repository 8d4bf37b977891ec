import { KvmError } from '@kvm/core';
import { expect, test } from 'vitest';
import { FwCfg, type FwCfgOptions } from './fw-cfg.js';

/** Reads an item as firmware does. */
function item(device: FwCfg, key: number, length: number): Buffer {
  device.write(0, 2, key);
  return Buffer.from(Array.from({ length }, () => device.read(1, 1)));
}

test('it is found by its signature, without the DMA interface', () => {
  const device = new FwCfg();
  expect(item(device, 0, 4).toString()).toBe('QEMU');
  expect(item(device, 1, 4).readUInt32LE()).toBe(1);
});

test('numbers of CPUs and the size of the RAM are little-endian', () => {
  const device = new FwCfg({ cpus: 2, maxCpus: 0x102, ramSize: 0x1_2345_6789n });
  expect(item(device, 5, 2).readUInt16LE()).toBe(2);
  expect(item(device, 0x0f, 2).readUInt16LE()).toBe(0x102);
  expect(item(device, 3, 8).readBigUInt64LE()).toBe(0x1_2345_6789n);
});

test('kernel, initrd and command line have a size and data', () => {
  const device = new FwCfg({ kernel: Uint8Array.of(1, 2, 3), initrd: Uint8Array.of(4), cmdline: 'quiet' });
  expect([8, 0x0b, 0x14].map((key) => item(device, key, 4).readUInt32LE())).toEqual([3, 1, 6]);
  expect([...item(device, 0x11, 3), ...item(device, 0x12, 1)]).toEqual([1, 2, 3, 4]);
  expect(item(device, 0x15, 6).toString()).toBe('quiet\0');
});

test('files are in a directory, big-endian, with their keys', () => {
  const device = new FwCfg({ files: { 'opt/org.example/a': Buffer.from('one'), 'etc/b': Buffer.from('second') } });
  const directory = item(device, 0x19, 4 + 2 * 64);
  expect(directory.readUInt32BE(0)).toBe(2);
  const entries = [4, 68].map((at) => ({
    size: directory.readUInt32BE(at),
    key: directory.readUInt16BE(at + 4),
    name: directory.toString('latin1', at + 8, at + 64).replace(/\0+$/, ''),
  }));
  expect(entries).toEqual([
    { size: 3, key: 0x20, name: 'opt/org.example/a' },
    { size: 6, key: 0x21, name: 'etc/b' },
  ]);
  expect(item(device, 0x21, 6).toString()).toBe('second');
});

test('reads beyond an item, and of an item that does not exist, are zeros', () => {
  const device = new FwCfg();
  expect(item(device, 0, 8).toString()).toBe('QEMU\0\0\0\0');
  expect(device.save()).toEqual({ version: 1, selector: 0, position: 4 });
  expect([...item(device, 0xffff, 2), ...item(device, 0x11, 2)]).toEqual([0, 0, 0, 0]);
});

test('the write channel selects the item, and data is read-only', () => {
  const device = new FwCfg();
  device.write(0, 2, 0x4000);
  device.write(1, 1, 0x58);
  expect(device.read(1, 1)).toBe(0x51);
});

test('only a write of two bytes selects, and the selector cannot be read', () => {
  const device = new FwCfg();
  device.write(0, 2, 1);
  device.write(0, 1, 0);
  device.write(1, 1, 0);
  // The second byte of such a read is that of the data port.
  expect(device.read(0, 2)).toBe(0x01ff);
  expect(device.save()).toEqual({ version: 1, selector: 1, position: 1 });
});

test.each<[string, FwCfgOptions]>([
  ['no CPU', { cpus: 0 }],
  ['fewer CPUs than run', { cpus: 2, maxCpus: 1 }],
  ['a RAM size that is a number', { ramSize: 5 as never }],
  ['a kernel that is a string', { kernel: 'vmlinuz' as never }],
  ['a command line with a zero', { cmdline: 'a\0b' }],
  ['a file without a name', { files: { '': Buffer.alloc(1) } }],
  ['a file with a name of 56 characters', { files: { ['x'.repeat(56)]: Buffer.alloc(1) } }],
  ['a file of a string', { files: { a: 'text' as never } }],
  ['no files', { files: 5 as never }],
  ['the last port', { port: 0xffff }],
])('%s is refused', (_, options) => {
  expect(() => new FwCfg(options)).toThrow(KvmError);
});

test.each([{ selector: 0x1_0000 }, { position: 5 }, { selector: 0x11, position: 1 }, { position: -1 }, { version: 2 }])(
  'a state with %o is refused, and changes nothing',
  (fields) => {
    const device = new FwCfg();
    const good = device.save();
    expect(() => device.load({ ...good, ...fields } as never)).toThrow(KvmError);
    expect(device.save()).toEqual(good);
  },
);
