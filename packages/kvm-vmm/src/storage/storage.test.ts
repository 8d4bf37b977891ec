import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KvmError } from '@kvm/core';
import { type BackendName, selectBackend } from '@kvm/core/backend';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { onEachLoadedBackend } from '../../../kvm-core/test/backends.js';
import type { DiskOptions } from '../machine/document.js';
import { storageOf } from './disk.js';
import { type OpenDisk, openDisk } from './open-disk.js';
import type { Storage } from './storage.js';

const sector = 512;
/** Not whole clusters, so that the last one is short. */
const size = 37 * sector + 5 * 4096;
const sectors = size / sector;

let folder: string;
let path: string;
let content: Uint8Array;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kvm-storage-'));
  path = join(folder, 'disk.img');
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  content = Uint8Array.from({ length: size }, (_, i) => 1 + (((i * 7) ^ (i >> 9)) % 255));
  writeFileSync(path, content);
});

const backend = selectBackend();

/** Opens a disk, visits it, and closes it as a machine does. */
async function use<R>(
  options: Partial<DiskOptions>,
  visit: (storage: Storage) => R,
  name?: BackendName,
): Promise<Awaited<R>> {
  const calls = name === undefined ? backend : selectBackend(name);
  const disk = await open(options, calls);
  try {
    const storage = storageOf(disk.order, calls);
    const result = await visit(storage);
    storage.close();
    return result;
  } finally {
    disk.close();
  }
}

function open(options: Partial<DiskOptions>, calls = backend): Promise<OpenDisk> {
  return openDisk({ path, readOnly: false, overlay: false, serial: '', ...options }, calls);
}

function readAll(storage: Storage): Uint8Array {
  const bytes = new Uint8Array(storage.size);
  storage.read(bytes, 0, storage.size, 0);
  return bytes;
}

type Step =
  | { kind: 'write'; position: number; length: number; value: number }
  | { kind: 'zero'; position: number; length: number; mayUnmap: boolean }
  | { kind: 'discard' | 'read'; position: number; length: number }
  | { kind: 'flush' | 'restart' };

const range = fc
  .tuple(fc.nat(sectors - 1), fc.integer({ min: 1, max: sectors }))
  .map(([from, length]) => ({ position: from * sector, length: Math.min(length, sectors - from) * sector }));
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.tuple(range, fc.nat(255)).map(([at, value]) => ({ kind: 'write' as const, ...at, value })),
    },
    {
      weight: 2,
      arbitrary: fc.tuple(range, fc.boolean()).map(([at, mayUnmap]) => ({ kind: 'zero' as const, ...at, mayUnmap })),
    },
    { weight: 1, arbitrary: range.map((at) => ({ kind: 'discard' as const, ...at })) },
    { weight: 4, arbitrary: range.map((at) => ({ kind: 'read' as const, ...at })) },
    { weight: 1, arbitrary: fc.constantFrom({ kind: 'flush' as const }, { kind: 'restart' as const }) },
  ),
  { maxLength: 20 },
);

/** Does a step to a storage and to plain bytes, which must agree. */
function step(storage: Storage, model: Uint8Array, { kind, ...at }: Exclude<Step, { kind: 'restart' }>): void {
  const { position, length, value, mayUnmap } = at as {
    position: number;
    length: number;
    value: number;
    mayUnmap: boolean;
  };
  if (kind === 'write') {
    // The guest's memory is shared, and the data lies somewhere in it.
    const memory = new Uint8Array(new SharedArrayBuffer(length + 24));
    for (let i = 0; i < length; i++) memory[i + 11] = value ^ i;
    storage.write(memory, 11, length, position);
    model.set(memory.subarray(11, 11 + length), position);
  } else if (kind === 'zero') {
    storage.writeZeroes(position, length, mayUnmap);
    model.fill(0, position, position + length);
  } else if (kind === 'discard') {
    storage.discard(position, length);
    const now = new Uint8Array(length);
    storage.read(now, 0, length, position);
    expect(now.findIndex((byte, i) => byte !== 0 && byte !== model[position + i])).toBe(-1);
    model.set(now, position);
  } else if (kind === 'read') {
    const memory = new Uint8Array(new SharedArrayBuffer(length + 24)).fill(0xaa);
    storage.read(memory, 13, length, position);
    expect(Buffer.compare(memory.subarray(13, 13 + length), model.subarray(position, position + length))).toBe(0);
    expect([memory[12], memory[13 + length]]).toEqual([0xaa, 0xaa]);
  } else storage.flush();
}

describe.each([
  ['a raw image', {}, true],
  ['an overlay in memory', { overlay: true }, false],
  ['an overlay in a file', { overlay: 'overlay' }, true],
] as const)('%s', (_, { overlay = false }: { overlay?: string | boolean }, isKept) => {
  onEachLoadedBackend('with a backend', (name) => {
    test('is as plain bytes are, after restarts, too', async () => {
      await fc.assert(
        fc.asyncProperty(steps, async (all) => {
          writeFileSync(path, content);
          const kept = join(folder, 'overlay');
          rmSync(kept, { force: true });
          const options = { overlay: typeof overlay === 'string' ? kept : overlay };
          let model = Uint8Array.from(content);
          const rest = [...all];
          do {
            if (!isKept) model = Uint8Array.from(content);
            await use(
              options,
              (storage) => {
                expect(storage.size).toBe(size);
                for (let next = rest.shift(); next !== undefined && next.kind !== 'restart'; next = rest.shift()) {
                  step(storage, model, next);
                }
                expect(Buffer.compare(readAll(storage), model)).toBe(0);
              },
              name,
            );
          } while (rest.length > 0);
          if (isKept) await use(options, (storage) => expect(Buffer.compare(readAll(storage), model)).toBe(0));
          if (overlay !== false) expect(Buffer.compare(readFileSync(path), content)).toBe(0);
        }),
      );
    });
  });
});

describe('an overlay in a file', () => {
  const kept = (): string => join(folder, 'kept');
  beforeEach(async () => {
    rmSync(kept(), { force: true });
    await use({ overlay: kept() }, (storage) => {
      storage.write(new Uint8Array(sector).fill(9), 0, sector, 4096 + sector);
      storage.writeZeroes(8192, 4096, true);
    });
  });

  test('keeps zeros over data of the base, and what surrounds a change', async () => {
    await use({ overlay: kept() }, (storage) => {
      const expected = Uint8Array.from(content);
      expected.fill(9, 4096 + sector, 4096 + 2 * sector).fill(0, 8192, 8192 + 4096);
      expect(Buffer.compare(readAll(storage), expected)).toBe(0);
    });
  });

  test('has what was flushed, whatever comes later, when its process is killed', async () => {
    const disk = await open({ overlay: kept() });
    onTestFinished(() => disk.close());
    const storage = storageOf(disk.order, backend);
    storage.write(new Uint8Array(8192).fill(3), 0, 8192, 0);
    storage.flush();
    storage.write(new Uint8Array(4096).fill(4), 0, 4096, 16384);
    // The file as it is now, without the end of this process.
    const copy = join(folder, 'copy');
    copyFileSync(kept(), copy);
    await use({ overlay: copy }, (after) => {
      const bytes = readAll(after);
      expect(bytes.subarray(0, 8192).every((byte) => byte === 3)).toBe(true);
      expect(Buffer.compare(bytes.subarray(16384), content.subarray(16384))).toBe(0);
    });
  });

  test('takes room for changes only', async () => {
    truncateSync(path, 2 ** 30);
    const sparse = join(folder, 'sparse');
    await use({ overlay: sparse }, (storage) => storage.write(new Uint8Array(4096).fill(1), 0, 4096, 2 ** 29));
    expect(statSync(sparse).size).toBeGreaterThan(2 ** 30);
    expect(statSync(sparse).blocks * 512).toBeLessThan(2 ** 20);
  });

  test('is refused over another base', async () => {
    writeFileSync(path, content);
    await expect(use({ overlay: kept() }, () => {})).rejects.toThrow(/belongs to another base/);
    writeFileSync(path, new Uint8Array(size + sector));
    await expect(use({ overlay: kept() }, () => {})).rejects.toThrow(/over a disk of \d+ bytes, and its base has/);
  });

  test('is checked when it is opened, whatever is in it', async () => {
    const original = readFileSync(kept());
    const interesting = fc.oneof(fc.nat(64), fc.nat(4096 + 64), fc.nat(original.length - 1));
    const change = fc.tuple(interesting, fc.uint8Array({ minLength: 1, maxLength: 16 }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.option(fc.nat(original.length)),
        async (changes, cut) => {
          const file = Buffer.from(original);
          for (const [at, bytes] of changes) file.set(bytes.subarray(0, file.length - at), at);
          const damaged = join(folder, 'damaged');
          writeFileSync(damaged, file.subarray(0, cut ?? file.length));
          try {
            await use({ overlay: damaged }, (storage) => expect(readAll(storage)).toHaveLength(size));
          } catch (error) {
            expect(error).toBeInstanceOf(KvmError);
            expect((error as KvmError).hint).toBeDefined();
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('a disk that cannot be opened', () => {
  const attempt = (options: Partial<DiskOptions>) => expect(use(options, () => {})).rejects;

  test.each([
    ['nothing', 'missing.img', undefined, /cannot be opened: ENOENT.*make one: truncate -s 10G/],
    ['a directory', '.', undefined, /cannot be opened: EISDIR.*a disk is a file or a block device/],
    ['an empty file', 'empty.img', '', /is empty.*make it as large as you need/],
    ['half a sector', 'odd.img', 'x'.repeat(700), /has 700 bytes.*truncate -s %512/],
    ['qcow2', 'disk.qcow2', `QFI\xfb${'\0'.repeat(508)}`, /is a qcow2 image.*qemu-img convert/],
    ['an overlay', 'disk.cow', `KVM-COW\n${'\0'.repeat(504)}`, /is an overlay/],
  ])('is refused with what to do: %s', async (_, name, text, message) => {
    const file = join(folder, name);
    if (text !== undefined) writeFileSync(file, text, 'latin1');
    await attempt({ path: file }).toThrow(message);
    await attempt({ path: file, readOnly: true }).toThrow(KvmError);
  });

  test('a device that is no disk', async () => {
    await attempt({ path: '/dev/null' }).toThrow(/neither a file nor a block device/);
  });

  test('is refused while another machine writes to it', async () => {
    await use({}, async () => {
      for (const options of [{}, { readOnly: true }, { overlay: true }]) await attempt(options).toThrow(/is in use/);
    });
    await use({ readOnly: true }, async () => {
      await attempt({}).toThrow(/is in use/);
      await use({ overlay: true }, (storage) => expect(readAll(storage)).toHaveLength(size));
    });
    await use({}, () => {});
  });

  test('an overlay is one machine’s, too', async () => {
    const overlay = join(folder, 'mine');
    await use({ overlay }, async () => await attempt({ overlay }).toThrow(/overlay .* is in use/));
    await attempt({ overlay: path }).toThrow(/in use|is no overlay/);
  });

  test('leaves no descriptor', async () => {
    const descriptors = (): number => readdirSync('/proc/self/fd').length;
    const before = descriptors();
    await attempt({ overlay: path }).toThrow(KvmError);
    expect(descriptors()).toBe(before);
  });
});

test('a disk that becomes shorter fails', async () => {
  await use({}, (storage) => {
    truncateSync(path, size - sector);
    expect(() => readAll(storage)).toThrow(/became shorter/);
  });
});

test('zeros are written where a file system cannot make them', async () => {
  const refusing = { ...backend, punchHole: () => -95, zeroRange: () => -95 };
  const disk = await open({});
  onTestFinished(() => disk.close());
  const storage = storageOf(disk.order, refusing);
  storage.writeZeroes(sector, size - sector, true);
  storage.discard(0, sector);
  expect(readAll(storage).indexOf(0)).toBe(sector);
  expect(
    readAll(storage)
      .subarray(sector)
      .every((byte) => byte === 0),
  ).toBe(true);
});
