import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, expect, test } from 'vitest';
import { describeUnless } from '../../test/backends.js';
import type { Backend } from '../backend/backend.js';
import { backendNames, selectBackend, tryBackend } from '../backend/select.js';
import { KvmError } from '../errors/kvm-error.js';
import { GuestMemory } from './guest-memory.js';
import { pageSize } from './page-size.js';

const folder = mkdtempSync(join(tmpdir(), 'kvm-memory-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Without KVM: memory needs none. */
for (const name of backendNames) {
  const attempt = tryBackend(name);
  const reason = 'error' in attempt ? attempt.error.message : undefined;
  describeUnless(reason, `guest memory in a file (${name})`, () => {
    let made = 0;
    const newFile = (): string => join(folder, `${name}-${made++}`);
    const allocate = (file: string, size = 3 * pageSize, limit?: number): GuestMemory =>
      GuestMemory.allocate(selectBackend(name) as Backend, { size, file }, limit);

    test('is made with the size of the memory, for this user only, and has what is written', () => {
      const file = newFile();
      using memory = allocate(file);
      memory.write(pageSize - 1, Uint8Array.of(1, 2));
      const bytes = readFileSync(file);
      expect([bytes.length, bytes[pageSize - 1], bytes[pageSize]]).toEqual([3 * pageSize, 1, 2]);
      expect(statSync(file).mode & 0o777).toBe(0o600);
    });

    test('keeps its content before, while reserved, and after the memory is closed', () => {
      const file = newFile();
      const before = new Uint8Array(2 * pageSize).fill(7);
      writeFileSync(file, before);
      const memory = GuestMemory.allocate(selectBackend(name), { size: 2 * pageSize, file, reserve: true });
      expect(memory.read(0, 2 * pageSize)).toEqual(before);
      const view = memory.bytes();
      memory.close();
      expect(view[0]).toBe(0);
      expect(readFileSync(file).equals(before)).toBe(true);
    });

    test('is copied on write: every memory has its own, and the file keeps its content', () => {
      const file = newFile();
      const before = new Uint8Array(4 * pageSize).fill(7);
      writeFileSync(file, before, { mode: 0o400 });
      const fork = (): GuestMemory =>
        GuestMemory.allocate(selectBackend(name), { size: 4 * pageSize, file, copyOnWrite: true }, 2 * pageSize);
      using one = fork();
      using other = fork();
      one.write(2 * pageSize - 1, Uint8Array.of(1, 2));
      other.bytes(0, 1)[0] = 3;
      expect([one, other].map((memory) => [memory.read(0, 1)[0], memory.read(2 * pageSize, 1)[0]])).toEqual([
        [7, 2],
        [3, 7],
      ]);
      // What is taken back reads zero, and not as the file does.
      one.discard(pageSize, 2 * pageSize);
      expect(one.read(pageSize, 2 * pageSize).every((byte) => byte === 0)).toBe(true);
      expect(other.read(pageSize, 1)[0]).toBe(7);
      expect(readFileSync(file).equals(before)).toBe(true);
    });

    test('is not copied on write without a file of its size', () => {
      const wrong = (options: object): KvmError => {
        try {
          GuestMemory.allocate(selectBackend(name), { size: pageSize, copyOnWrite: true, ...options });
        } catch (error) {
          return error as KvmError;
        }
        throw new Error('it was allocated');
      };
      expect(wrong({})).toMatchObject({ code: 'ERR_KVM_INVALID_ARGUMENT', message: 'copyOnWrite needs a file' });
      expect(wrong({ file: newFile() }).code).toBe('ERR_KVM_INVALID_ARGUMENT');
      const empty = newFile();
      writeFileSync(empty, '');
      expect(wrong({ file: empty })).toMatchObject({ code: 'ERR_KVM_OUT_OF_RANGE' });
      expect(statSync(empty).size).toBe(0);
    });

    test('is seen by another memory of the file, across windows', () => {
      const file = newFile();
      using memory = allocate(file, 5 * pageSize, 2 * pageSize);
      using other = allocate(file, 5 * pageSize);
      memory.write(2 * pageSize - 1, Uint8Array.of(1, 2));
      memory.bytes(4 * pageSize)[0] = 3;
      expect(other.read(2 * pageSize - 1, 2)).toEqual(Uint8Array.of(1, 2));
      expect(other.read(4 * pageSize, 1)).toEqual(Uint8Array.of(3));
    });

    test('is blank where pages were discarded', () => {
      const file = newFile();
      using memory = allocate(file);
      memory.bytes().fill(9);
      memory.discard(pageSize, pageSize);
      expect(
        readFileSync(file)
          .subarray(pageSize, 2 * pageSize)
          .equals(Buffer.alloc(pageSize)),
      ).toBe(true);
      expect([memory.bytes(0)[0], memory.bytes(pageSize)[0]]).toEqual([9, 0]);
    });

    test('can be sent to another Worker', async () => {
      using memory = allocate(newFile());
      const code = `const { workerData } = require('node:worker_threads'); workerData.windows[0][5] = 8;`;
      const worker = new Worker(code, { eval: true, workerData: memory.share() });
      await new Promise((resolve) => worker.once('exit', resolve));
      expect(memory.bytes()[5]).toBe(8);
    });

    test.each<[string, string, () => string]>([
      [
        'a file of another size',
        'has 5 bytes, and the guest',
        () => {
          const file = newFile();
          writeFileSync(file, 'hello');
          return file;
        },
      ],
      ['a folder', 'cannot be guest memory: EISDIR', () => folder],
      ['a device', 'cannot be guest memory: it is no regular file', () => '/dev/null'],
      ['a folder that is not there', 'cannot be guest memory: ENOENT', () => join(folder, 'none', 'file')],
      ['no path', 'must be a path', () => ''],
    ])('%s is refused, and stays as it is', (_, message, file) => {
      const allocation = (): unknown => allocate(file());
      expect(allocation).toThrow(KvmError);
      expect(allocation).toThrow(message);
    });
  });
}
