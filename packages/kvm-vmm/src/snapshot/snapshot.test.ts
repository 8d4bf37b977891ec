import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KvmError, SavedState } from '@kvm/core';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { ram } from '../../test/ram.js';
import type { MachineDocument } from '../machine/document.js';
import { Machine } from '../machine/machine.js';
import { savedDocument } from './document.js';
import { parseHeader } from './header.js';
import { checkHostFiles, hostFiles } from './host-files.js';
import { readSnapshot } from './read.js';
import { SnapshotWriter } from './write.js';

const size = 4 * 2 ** 20;

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kvm-snapshot-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** The state of a VM without parts. */
function emptyState(): SavedState {
  const header = Buffer.from('{"kind":"vm","arch":"x86","parts":[]}');
  const prologue = Buffer.alloc(16);
  prologue.write('KVMSTATE');
  prologue.writeUInt32LE(1, 8);
  prologue.writeUInt32LE(header.length, 12);
  return SavedState.from(Buffer.concat([prologue, header]));
}

const machine = { boot: { type: 'linux', kernel: 'vmlinux' }, memory: size } as const;

/** What a machine with a few bytes of memory has. */
function saved(byte: number) {
  const memory = ram(size);
  for (const at of [0, 4096, 3 * 2 ** 20 - 1, size - 1]) memory.write(at, Uint8Array.of(byte));
  return { machine, state: emptyState(), memory, devices: {}, host: { disks: [], shares: [] } };
}

async function write(folder: string, byte: number): Promise<void> {
  const writer = await SnapshotWriter.open(folder);
  await writer.write(saved(byte));
  await writer.commit();
  await writer.close();
}

const codeOf = (reading: Promise<unknown>): Promise<unknown> =>
  reading.then(
    () => 'none',
    (error) => (error instanceof KvmError ? error.code : error),
  );

test('is read as it was written, with holes for zeros, and for this user only', async () => {
  const folder = join(newFolder(), 'new');
  await write(folder, 7);
  const { header, memory, state } = await readSnapshot(folder, true);
  expect([header.machine, header.devices, state.kind]).toEqual([machine, {}, 'vm']);
  const bytes = readFileSync(memory);
  expect(Buffer.compare(bytes, saved(7).memory.read(0, size))).toBe(0);
  const stats = statSync(memory);
  expect(stats.blocks * 512).toBeLessThanOrEqual(4 * 4096);
  expect([stats.mode & 0o777, statSync(folder).mode & 0o777]).toEqual([0o600, 0o700]);
});

test('replaces an earlier one at its end, and leaves it whole if it does not come to that', async () => {
  const folder = newFolder();
  await write(folder, 1);
  const first = await readSnapshot(folder, true);
  const abandoned = await SnapshotWriter.open(folder);
  await abandoned.write(saved(2));
  // As a crash would leave it: its files are there.
  expect((await readSnapshot(folder, true)).memory).toBe(first.memory);
  await abandoned.close();
  expect(readdirSync(folder)).toHaveLength(3);
  await write(folder, 3);
  const { memory } = await readSnapshot(folder, true);
  expect([readFileSync(memory)[0], readdirSync(folder).length]).toEqual([3, 3]);
});

test('is refused if a byte of it is another one, or is missing', async () => {
  const folder = newFolder();
  await write(folder, 5);
  const names = readdirSync(folder);
  const before = new Map(names.map((name) => [name, readFileSync(join(folder, name))]));
  const where = fc.oneof(fc.nat(), fc.nat(800), fc.constantFrom(0, 4096, 3 * 2 ** 20 - 1));
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...names),
      where,
      fc.integer({ min: 1, max: 255 }),
      fc.boolean(),
      async (...is) => {
        const [name, at, change, isCut] = is;
        const bytes = Buffer.from(before.get(name) as Buffer);
        const offset = at % bytes.length;
        bytes[offset] = (bytes[offset] as number) ^ change;
        writeFileSync(join(folder, name), isCut ? bytes.subarray(0, offset) : bytes);
        const code = await codeOf(readSnapshot(folder, true));
        writeFileSync(join(folder, name), before.get(name) as Buffer);
        // The header has a date, and JSON has blanks, that say nothing.
        expect(name === 'snapshot.json' ? ['ERR_KVM_STATE', 'none'] : ['ERR_KVM_STATE']).toContain(code);
      },
    ),
    { numRuns: 150 },
  );
});

test('is refused if it is of another version, or names files outside of its folder', async () => {
  const folder = newFolder();
  await write(folder, 5);
  const text = readFileSync(join(folder, 'snapshot.json'), 'utf8');
  const header = JSON.parse(text);
  for (const [change, message] of [
    [{ version: 2 }, 'this snapshot has version 2, and this package reads version 1'],
    [{ format: 'other' }, 'snapshot.json is not that of a snapshot'],
    [{ memory: { ...header.memory, file: '../memory-1' } }, 'it lacks a part'],
    [{ state: { ...header.state, sha256: '' } }, 'it lacks a part'],
    [{ host: {} }, 'it lacks a part'],
    [{ devices: [] }, 'it lacks a part'],
    [{ machine: { ...machine, memory: 1 } }, 'its sizes of the memory differ'],
  ] as const) {
    expect(() => parseHeader(JSON.stringify({ ...header, ...change }))).toThrow(message);
  }
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (other) => {
      expect(() => parseHeader(other)).toThrow(KvmError);
    }),
  );
  expect(await codeOf(readSnapshot(newFolder(), true))).toBe('ERR_KVM_INVALID_ARGUMENT');
  expect(await codeOf(Machine.restore(''))).toBe('ERR_KVM_INVALID_ARGUMENT');
  expect(await codeOf(Machine.restore(folder, { cpus: 2 } as object))).toBe('ERR_KVM_INVALID_ARGUMENT');
  expect(await codeOf(SnapshotWriter.open('/dev/null/snapshot'))).toBe('ERR_KVM_INVALID_ARGUMENT');
});

test('has the machine in JSON, without what belongs to the host', () => {
  const document: MachineDocument = {
    boot: { type: 'flat', image: Uint8Array.of(0xf4), loadAddr: 0x1000n },
    memory: '4M',
    memoryFile: '/dev/shm/ram',
    kvm: { backend: 'ffi' },
    hugePages: true,
    disks: [{ path: 'a.img' }],
    fwCfg: { files: { 'opt/name': Buffer.from('text') } },
    devices: [{ module: new URL('file:///device.js'), data: { port: 1 } }],
  };
  expect(savedDocument(document, size)).toEqual({
    boot: { type: 'flat', image: join(process.cwd(), 'none') },
    memory: size,
    disks: [{ path: join(process.cwd(), 'a.img') }],
    fwCfg: { files: { 'opt/name': 'text' } },
    devices: [{ module: 'file:///device.js', data: { port: 1 } }],
  });
  const other = { ...document, devices: [{ module: 'file:///device.js', data: new Map() }] };
  expect(() => savedDocument(other, size)).toThrow('more than JSON can say');
  expect(() => savedDocument({ ...document, fwCfg: { files: { a: Uint8Array.of(0xff) } } }, size)).toThrow(
    'is no text',
  );
});

test('knows disks that have changed since, and folders that are others', () => {
  const folder = newFolder();
  const path = join(folder, 'disk');
  writeFileSync(path, Buffer.alloc(512));
  const disk = { path, readOnly: false, overlay: false, serial: '' } as const;
  const share = { path: folder, tag: 'it', readOnly: true, cache: 'auto', ids: 'host' } as const;
  const used = { disks: [disk], shares: [share] };
  const before = hostFiles(used);
  const given = { disks: false, shares: false };
  checkHostFiles(before, used, given);
  utimesSync(path, 1, 1);
  expect(() => checkHostFiles(before, used, given)).toThrow('has changed since the machine was saved');
  checkHostFiles(before, used, { disks: true, shares: false });
  truncateSync(path, 1024);
  expect(() => checkHostFiles(hostFiles(used), { ...used, disks: [] }, given)).toThrow('saved with 1 disks, not 0');
  const elsewhere = { ...used, shares: [{ ...share, path: tmpdir() }] };
  expect(() => checkHostFiles(hostFiles(used), elsewhere, given)).toThrow('is another one than when');
  expect(() => hostFiles({ ...used, disks: [{ ...disk, overlay: true }] })).toThrow('is in memory only');
});
