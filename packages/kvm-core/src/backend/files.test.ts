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

    test.skipIf(process.arch !== 'x64')('makes any system call', () => {
      const [pipe2, pwrite64, getpid] = [293, 18, 39];
      expect(backend.syscall(getpid, 0, 0, 0, 0, 0, 0)).toBe(process.pid);
      const fds = new Int32Array(2);
      expect(backend.syscall(pipe2, backend.address(fds), O_CLOEXEC, 0, 0, 0, 0)).toBe(0);
      expect(flagsOf(fds[0] as number) & O_CLOEXEC).toBe(O_CLOEXEC);
      expect(backend.syscall(pwrite64, fds[1] as number, backend.address(fds), 8, 0, 0, 0)).toBe(
        -constants.errno.ESPIPE,
      );
      for (const fd of fds) expect(backend.close(fd)).toBe(0);
      expect(backend.syscall(100_000, 1, 2, 3, 4, 5, 6)).toBe(-constants.errno.ENOSYS);
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
