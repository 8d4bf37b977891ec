import { constants } from 'node:os';
import { beforeAll, expect, test } from 'vitest';
import { onEachLoadedBackend } from '../../test/backends.js';
import { kvmError } from '../../test/errors.js';
import type { Backend } from '../backend/backend.js';
import { selectBackend } from '../backend/select.js';
import { Epoll, EpollEvent } from './epoll.js';
import { EventFd } from './event-fd.js';

onEachLoadedBackend('Epoll', (name) => {
  let backend: Backend;
  beforeAll(() => {
    backend = selectBackend(name);
  });

  test('tells which descriptors are ready, and what has happened', () => {
    using epoll = Epoll.create(backend);
    using quiet = EventFd.create(backend, 0);
    using ready = EventFd.create(backend, 1);
    epoll.add(quiet, 1);
    epoll.add(ready.fd, 0xffff_ffff, EpollEvent.In | EpollEvent.Out);
    expect([epoll.wait(), epoll.token(0), epoll.events(0)]).toEqual([1, 0xffff_ffff, EpollEvent.In | EpollEvent.Out]);
    epoll.modify(ready, 2, EpollEvent.In | EpollEvent.Edge);
    expect([epoll.wait(0), epoll.wait(0)]).toEqual([1, 0]);
    ready.write();
    expect([epoll.wait(-1), epoll.token(0), ready.read()]).toEqual([1, 2, 2n]);
    epoll.remove(ready);
    quiet.write();
    ready.write();
    expect([epoll.wait(0), epoll.token(0)]).toEqual([1, 1]);
  });

  test('returns more events than fit one call with the next', () => {
    using epoll = Epoll.create(backend);
    const fds = Array.from({ length: 100 }, () => EventFd.create(backend, 1));
    for (const [i, fd] of fds.entries()) epoll.add(fd, i, EpollEvent.In | EpollEvent.Edge);
    const seen: number[] = [];
    for (let count = epoll.wait(0); count > 0; count = epoll.wait(0)) {
      for (let i = 0; i < count; i++) seen.push(epoll.token(i));
    }
    expect(seen.sort((a, b) => a - b)).toEqual(fds.map((_, i) => i));
    for (const fd of fds) fd.close();
  });

  test('refuses what is no descriptor, and all use after close', () => {
    const epoll = Epoll.create(backend);
    using eventfd = EventFd.create(backend, 0);
    epoll.add(eventfd, 1);
    expect(kvmError('ERR_KVM_SYSCALL', () => epoll.add(eventfd, 1)).errno).toBe(constants.errno.EEXIST);
    kvmError('ERR_KVM_OUT_OF_RANGE', () => epoll.add(-1, 1));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => epoll.add({} as never, 1));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => epoll.add(eventfd, 2 ** 32));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => epoll.wait(-2));
    for (const index of [-1, 64, 0.5, Number.NaN, 1n as never]) {
      kvmError('ERR_KVM_OUT_OF_RANGE', () => epoll.token(index));
      kvmError('ERR_KVM_OUT_OF_RANGE', () => epoll.events(index));
    }
    epoll.close();
    epoll.close();
    for (const use of [() => epoll.wait(0), () => epoll.remove(eventfd)]) kvmError('ERR_KVM_CLOSED', use);
  });
});
