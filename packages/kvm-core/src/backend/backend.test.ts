import { closeSync, openSync, readFileSync, readlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { onEachBackend } from '../../test/backends.js';
import { type Backend, type BackendName, epollEvent } from './backend.js';
import { loadBackend } from './select.js';

const GET_API_VERSION = 0xae00;
const CREATE_VM = 0xae01;
const GET_VCPU_MMAP_SIZE = 0xae04;
const CREATE_VCPU = 0xae41;
const RUN = 0xae80;
const { EBADF, ENOENT, EINVAL, EAGAIN, ESRCH } = constants.errno;
const O_CLOEXEC = 0o2000000;

function load(name: BackendName): Backend {
  const backend = loadBackend(name);
  if (backend instanceof Error) throw backend;
  return backend;
}

function flagsOf(fd: number): number {
  const line = readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').match(/^flags:\s*([0-7]+)/m);
  return Number.parseInt(line?.[1] ?? '', 8);
}

onEachBackend('a backend', (name) => {
  let backend: Backend;
  beforeAll(() => {
    backend = load(name);
  });

  test('reports its name and version', () => {
    expect(backend.name).toBe(name);
    expect(backend.version).toMatch(/\d+\.\d+\.\d+/);
  });

  test('returns the result of a system call, and -errno if it fails', () => {
    const kvm = backend.open('/dev/kvm');
    expect(kvm).toBeGreaterThanOrEqual(0);
    expect(backend.ioctl(kvm, GET_API_VERSION, 0)).toBe(12);
    expect(backend.ioctl(kvm, CREATE_VCPU, 0)).toBe(-EINVAL);
    expect(backend.close(kvm)).toBe(0);
    expect(backend.ioctl(kvm, GET_API_VERSION, 0)).toBe(-EBADF);
    expect(backend.close(kvm)).toBe(-EBADF);
    expect(backend.open('/dev/no-such-device')).toBe(-ENOENT);
    expect(backend.map(-1, 4096, 0)).toBe(-EBADF);
    expect(backend.unmap(1, 4096)).toBe(-EINVAL);
  });

  test('opens every descriptor close-on-exec', () => {
    const kvm = backend.open('/dev/kvm');
    const vm = backend.ioctl(kvm, CREATE_VM, 0);
    const vcpu = backend.ioctl(vm, CREATE_VCPU, 0);
    const event = backend.eventfd(0);
    const twin = backend.duplicate(event);
    for (const fd of [kvm, vm, vcpu, event, twin]) expect(flagsOf(fd) & O_CLOEXEC).toBe(O_CLOEXEC);
    for (const fd of [twin, event, vcpu, vm, kvm]) expect(backend.close(fd)).toBe(0);
  });

  test('passes an unsigned request and a 64-bit argument to an ioctl', () => {
    const kvm = backend.open('/dev/kvm');
    // KVM_GET_MSR_INDEX_LIST with no room fails with E2BIG and writes the number of MSRs.
    const list = new Uint32Array(1);
    expect(backend.ioctl(kvm, 0xc004ae02, backend.address(list))).toBe(-constants.errno.E2BIG);
    expect(list[0]).toBeGreaterThan(0);
    backend.close(kvm);
  });

  test('returns the address of a view, including its offset, for shared and unshared buffers', () => {
    for (const buffer of [new ArrayBuffer(4096), new SharedArrayBuffer(4096)]) {
      const start = backend.address(new Uint8Array(buffer));
      expect(Number.isSafeInteger(start)).toBe(true);
      expect(backend.address(new Uint8Array(buffer, 24))).toBe(start + 24);
      expect(backend.address(new BigUint64Array(buffer, 8))).toBe(start + 8);
      expect(backend.address(new DataView(buffer, 3))).toBe(start + 3);
    }
  });

  test('reads a file at an offset repeatedly', () => {
    const fd = openSync('/proc/self/exe', 'r');
    const bytes = new Uint8Array(3);
    for (let i = 0; i < 2; i++) {
      bytes.fill(0);
      expect(backend.pread(fd, backend.address(bytes), 3, 1)).toBe(3);
      expect(Buffer.from(bytes).toString()).toBe('ELF');
    }
    expect(backend.pread(fd, backend.address(bytes), 3, 2 ** 40)).toBe(0);
    closeSync(fd);
    expect(backend.pread(fd, backend.address(bytes), 3, 0)).toBe(-EBADF);
  });

  test('takes a range out of a file, which keeps its size', () => {
    const path = join(tmpdir(), `kvm-hole-${process.pid}-${name}`);
    writeFileSync(path, new Uint8Array(3 * 4096).fill(7));
    const fd = openSync(path, 'r+');
    unlinkSync(path);
    expect(backend.punchHole(fd, 4096, 2 * 4096)).toBe(0);
    const left = readFileSync(fd);
    expect([left.length, left[4095], left[4096], left[3 * 4096 - 1]]).toEqual([3 * 4096, 7, 0, 0]);
    expect(backend.punchHole(fd, 0, 0)).toBe(-EINVAL);
    closeSync(fd);
    expect(backend.punchHole(fd, 0, 4096)).toBe(-EBADF);
  });

  test('writes and reads an eventfd, and never blocks on an empty one', () => {
    const fd = backend.eventfd(3);
    const word = new BigUint64Array(1);
    const address = backend.address(word);
    expect(backend.read(fd, address, 8)).toBe(8);
    expect(word[0]).toBe(3n);
    expect(backend.read(fd, address, 8)).toBe(-EAGAIN);
    word[0] = 5n;
    expect(backend.write(fd, address, 8)).toBe(8);
    word[0] = 0n;
    expect(backend.read(fd, address, 8)).toBe(8);
    expect(word[0]).toBe(5n);
    expect(readlinkSync(`/proc/self/fd/${fd}`)).toContain('eventfd');
    backend.close(fd);
  });

  test('polls an eventfd, and reports whether it is readable', () => {
    const fd = backend.eventfd(0);
    expect(backend.poll(fd, 0)).toBe(0);
    expect(backend.poll(fd, 1)).toBe(0);
    const word = BigUint64Array.of(1n);
    const twin = backend.duplicate(fd);
    backend.write(twin, backend.address(word), 8);
    expect(backend.poll(fd, -1)).toBe(1);
    for (const each of [fd, twin]) backend.close(each);
    expect(backend.duplicate(fd)).toBe(-EBADF);
  });

  test('waits for many descriptors, and tells which, by their tokens', () => {
    const epoll = backend.epollCreate();
    expect(flagsOf(epoll) & O_CLOEXEC).toBe(O_CLOEXEC);
    const [add, remove, modify] = [1, 2, 3];
    const [readable, edge] = [0x1, 0x8000_0000];
    const fds = [backend.eventfd(0), backend.eventfd(0), backend.eventfd(0)];
    const [first, , last] = fds as [number, number, number];
    for (const [i, fd] of fds.entries()) {
      expect(backend.epollControl(epoll, add, fd, readable | edge, 0xffff_fff0 + i)).toBe(0);
    }
    expect(backend.epollControl(epoll, add, first, readable, 0)).toBe(-constants.errno.EEXIST);
    const { words, token } = epollEvent;
    const events = new Uint32Array(4 * words);
    const wait = (timeout: number): number[][] => {
      const count = backend.epollWait(epoll, backend.address(events), 4, timeout);
      return Array.from({ length: count }, (_, i) => [
        events[i * words] as number,
        events[i * words + token] as number,
      ]);
    };
    expect(wait(0)).toEqual([]);
    expect(wait(1)).toEqual([]);
    const one = BigUint64Array.of(1n);
    for (const fd of [first, last]) backend.write(fd, backend.address(one), 8);
    expect(wait(-1)).toEqual([
      [readable, 0xffff_fff0],
      [readable, 0xffff_fff2],
    ]);
    // Each change is told once, though nobody has read the counters.
    expect(wait(0)).toEqual([]);
    backend.write(last, backend.address(one), 8);
    expect(wait(0)).toEqual([[readable, 0xffff_fff2]]);
    expect(backend.epollControl(epoll, modify, last, readable, 7)).toBe(0);
    expect([wait(0), wait(0)]).toEqual([[[readable, 7]], [[readable, 7]]]);
    expect(backend.epollControl(epoll, remove, last, 0, 0)).toBe(0);
    expect(wait(0)).toEqual([]);
    for (const fd of [...fds, epoll]) backend.close(fd);
    expect(backend.epollWait(epoll, backend.address(events), 4, 0)).toBe(-EBADF);
  });

  test('maps the run state without copying, and blanks it so that old views read zero', () => {
    const kvm = backend.open('/dev/kvm');
    const vm = backend.ioctl(kvm, CREATE_VM, 0);
    const vcpu = backend.ioctl(vm, CREATE_VCPU, 0);
    const length = backend.ioctl(kvm, GET_VCPU_MMAP_SIZE, 0);
    const address = backend.map(vcpu, length, 0);
    const one = new Uint8Array(backend.view(address, length));
    const other = new Uint8Array(backend.view(address, length));
    one[1] = 1;
    expect(other[1]).toBe(1);
    expect(backend.address(one)).toBe(address);
    expect(backend.blank(address, length)).toBe(0);
    for (const fd of [vcpu, vm, kvm]) backend.close(fd);
    expect(one.every((byte) => byte === 0)).toBe(true);
    one[1] = 1;
    expect(other[1]).toBe(1);
  });

  test('runs a vCPU, and returns EINTR when immediate_exit is set', () => {
    const kvm = backend.open('/dev/kvm');
    const vm = backend.ioctl(kvm, CREATE_VM, 0);
    const vcpu = backend.ioctl(vm, CREATE_VCPU, 0);
    const length = backend.ioctl(kvm, GET_VCPU_MMAP_SIZE, 0);
    const state = new Uint8Array(backend.view(backend.map(vcpu, length, 0), length));
    const { ioctl } = backend;
    state[1] = 1;
    expect(ioctl(vcpu, RUN, 0)).toBe(-constants.errno.EINTR);
    for (const fd of [vcpu, vm, kvm]) backend.close(fd);
    expect(ioctl(vcpu, RUN, 0)).toBe(-EBADF);
  });

  test('interrupts a thread, and returns ESRCH for a missing one', () => {
    expect(backend.threadId()).toBeGreaterThan(0);
    expect(backend.interrupt(backend.threadId())).toBe(0);
    expect(backend.interrupt(0x3fffffff)).toBe(-ESRCH);
  });
});
