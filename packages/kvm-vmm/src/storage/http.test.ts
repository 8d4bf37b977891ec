import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { KvmError } from '@kvm/core';
import { selectBackend } from '@kvm/core/backend';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { storageOf } from './disk.js';
import { cachedChunks, chunkSize } from './http-storage.js';
import { openDisk } from './open-disk.js';
import type { Storage } from './storage.js';

/** Bytes: more chunks than the cache has, and a part of one. */
const size = (cachedChunks + 20) * chunkSize + 512;
/** What the server says and counts, in shared words. */
const Word = { Requests: 0, FailuresLeft: 1, Mode: 2 } as const;
const Mode = { Honest: 0, NoRanges: 1, Missing: 2, Short: 3, Long: 4, Changed: 5, Shifted: 6, Gone: 7 } as const;

/** A server in a thread of its own, because a storage blocks. Byte n of its disk depends on n alone. */
const server = `
const { createServer } = require('node:http');
const { parentPort, workerData: { words, size } } = require('node:worker_threads');
const Mode = ${JSON.stringify(Mode)};
const bytes = (from, length) => Buffer.alloc(length).map((_, i) => ((from + i) * 7 ^ ((from + i) >> 10)) & 255);
createServer((request, response) => {
  Atomics.add(words, ${Word.Requests}, 1);
  const mode = Atomics.load(words, ${Word.Mode});
  if (mode === Mode.Gone) return request.socket.destroy();
  if (mode === Mode.Missing) return response.writeHead(404).end();
  const isDown = Atomics.load(words, ${Word.FailuresLeft}) > 0 && Atomics.sub(words, ${Word.FailuresLeft}, 1) > 0;
  if (isDown) return response.writeHead(503).end();
  const [, first, last] = /bytes=(\\d+)-(\\d+)/.exec(request.headers.range).map(Number);
  if (mode === Mode.NoRanges) return response.writeHead(200).end('all');
  const start = mode === Mode.Shifted && last > 0 ? first + 1 : first;
  response.writeHead(206, {
    'content-range': 'bytes ' + start + '-' + last + '/' + size,
    etag: mode === Mode.Changed ? '"2"' : '"1"',
  });
  const body = bytes(first, last - first + 1);
  if (mode === Mode.Short && last > 0) response.end(body.subarray(1));
  else if (mode === Mode.Long && last > 0) response.end(Buffer.concat([body, body]));
  else response.end(body);
}).listen(0, '127.0.0.1', function () { parentPort.postMessage(this.address().port); });
`;

const words = new Int32Array(new SharedArrayBuffer(16));
const backend = selectBackend();
let worker: Worker;
let url: string;

beforeAll(async () => {
  worker = new Worker(server, { eval: true, workerData: { words, size } });
  const [port] = await once(worker, 'message');
  url = `http://127.0.0.1:${port}/disk.img`;
});
afterAll(() => worker.terminate());
beforeEach(() => words.fill(0));

const options = { readOnly: false, overlay: false as boolean | string, serial: '' };

async function use<R>(visit: (storage: Storage) => R, overlay: boolean | string = false): Promise<R> {
  const disk = await openDisk({ ...options, path: url, overlay }, backend);
  const storage = storageOf(disk.order, backend);
  try {
    return visit(storage);
  } finally {
    storage.close();
    disk.close();
  }
}

function expectBytes(storage: Storage, position: number, length: number): void {
  const memory = new Uint8Array(new SharedArrayBuffer(length + 2)).fill(0xaa);
  storage.read(memory, 1, length, position);
  const wrong = memory
    .subarray(1, 1 + length)
    .findIndex((byte, i) => byte !== ((((position + i) * 7) ^ ((position + i) >> 10)) & 255));
  expect(wrong).toBe(-1);
  expect([memory[0], memory[1 + length]]).toEqual([0xaa, 0xaa]);
}

describe('a disk on a server', () => {
  test('is read in pieces, at any place', async () => {
    const place = fc.tuple(fc.nat(size - 1), fc.integer({ min: 1, max: 2 * chunkSize }));
    await use((storage) => {
      expect([storage.size, storage.isReadOnly]).toEqual([size, true]);
      fc.assert(
        fc.property(place, ([position, length]) => expectBytes(storage, position, Math.min(length, size - position))),
        { numRuns: 40 },
      );
    });
  });

  test('is asked once for what is in the cache, which has an end', async () => {
    await use((storage) => {
      for (let i = 0; i < 5; i++) expectBytes(storage, i * 4096, 4096);
      expect(words[Word.Requests]).toBe(2);
      for (let chunk = 1; chunk < cachedChunks + 10; chunk++) expectBytes(storage, chunk * chunkSize, 512);
      const before = words[Word.Requests] as number;
      expectBytes(storage, (cachedChunks + 9) * chunkSize, 512);
      expect(words[Word.Requests]).toBe(before);
      expectBytes(storage, chunkSize, 512);
      expect(words[Word.Requests]).toBe(before + 1);
    });
  });

  test('is asked again when it is down for a moment', async () => {
    await use((storage) => {
      words[Word.FailuresLeft] = 2;
      expectBytes(storage, 0, 512);
    });
  });

  test.each([Mode.Short, Mode.Long, Mode.Changed, Mode.Shifted, Mode.Missing, Mode.Gone])(
    'fails to be read when the server sends something else (%i), and works later',
    async (mode) => {
      await use((storage) => {
        words[Word.Mode] = mode;
        expect(() => storage.read(new Uint8Array(512), 0, 512, 0)).toThrow(/could not be read/);
        words[Word.Mode] = Mode.Honest;
        expectBytes(storage, 0, 512);
      });
    },
  );

  test('has an overlay for what is written', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kvm-http-'));
    const overlay = join(folder, 'overlay');
    await use((storage) => storage.write(new Uint8Array(512).fill(1), 0, 512, 512), overlay);
    await use((storage) => {
      const bytes = new Uint8Array(512);
      storage.read(bytes, 0, 512, 512);
      expect(bytes.every((byte) => byte === 1)).toBe(true);
      expectBytes(storage, 1024, 4096);
    }, overlay);
    words[Word.Mode] = Mode.Changed;
    await expect(use(() => {}, overlay)).rejects.toThrow(/belongs to another base/);
    rmSync(folder, { recursive: true });
  });

  test.each([
    [Mode.NoRanges, /does not serve ranges/],
    [Mode.Missing, /the server says 404/],
    [Mode.Gone, /cannot be reached/],
  ])('is refused with what to do (%i)', async (mode, message) => {
    words[Word.Mode] = mode;
    await expect(use(() => {})).rejects.toThrow(message);
    await expect(use(() => {})).rejects.toThrow(KvmError);
  });
});
