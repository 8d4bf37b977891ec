import { closeSync, openSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { describeUnless } from '../../test/backends.js';
import type { Backend } from './backend.js';
import { backendNames, selectBackend, tryBackend } from './select.js';

/** The calls on files, which need no KVM. */

const { EAGAIN, EBADF, EINVAL, EOPNOTSUPP } = constants.errno;
const O_CLOEXEC = 0o2000000;

function flagsOf(fd: number): number {
  const line = readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').match(/^flags:\s*([0-7]+)/m);
  return Number.parseInt(line?.[1] ?? '', 8);
}

const each = backendNames.map((name) => [name, tryBackend(name)] as const);
for (const [name, attempt] of each) {
  describeUnless('error' in attempt ? attempt.error.message : undefined, `on files, a backend (${name})`, () => {
    let backend: Backend;
    beforeAll(() => {
      backend = selectBackend(name);
    });

    test('zeroes a range of a file, which keeps its size, or reports that the file system cannot', () => {
      const path = join(tmpdir(), `kvm-zero-${process.pid}-${name}`);
      writeFileSync(path, new Uint8Array(3 * 4096).fill(7));
      const fd = openSync(path, 'r+');
      unlinkSync(path);
      const result = backend.zeroRange(fd, 4096, 4096);
      const left = readFileSync(fd);
      expect([0, -EOPNOTSUPP]).toContain(result);
      expect([left.length, left[4095], left[4096], left[2 * 4096]]).toEqual([3 * 4096, 7, result === 0 ? 0 : 7, 7]);
      expect(backend.zeroRange(fd, 0, 0)).toBe(-EINVAL);
      closeSync(fd);
      expect(backend.zeroRange(fd, 0, 4096)).toBe(-EBADF);
    });

    test('locks a file against other descriptors, for one user or for several', () => {
      const path = join(tmpdir(), `kvm-lock-${process.pid}-${name}`);
      writeFileSync(path, '');
      const [one, other] = [openSync(path, 'r+'), openSync(path, 'r+')];
      unlinkSync(path);
      expect(backend.lock(one, true)).toBe(0);
      expect(backend.lock(other, true)).toBe(-EAGAIN);
      expect(backend.lock(other, false)).toBe(-EAGAIN);
      expect(backend.lock(one, false)).toBe(0);
      expect(backend.lock(other, false)).toBe(0);
      expect(backend.lock(one, true)).toBe(-EAGAIN);
      closeSync(other);
      expect(backend.lock(one, true)).toBe(0);
      closeSync(one);
      expect(backend.lock(one, true)).toBe(-EBADF);
    });

    test('makes a file in memory, close-on-exec', () => {
      const fd = backend.memoryFile();
      expect(flagsOf(fd) & O_CLOEXEC).toBe(O_CLOEXEC);
      writeFileSync(fd, 'kept');
      const bytes = new Uint8Array(4);
      expect(backend.pread(fd, backend.address(bytes), 4, 0)).toBe(4);
      expect(Buffer.from(bytes).toString()).toBe('kept');
      backend.close(fd);
    });
  });
}
