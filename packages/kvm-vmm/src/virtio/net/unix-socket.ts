import { constants as flags } from 'node:fs';
import { constants } from 'node:os';
import type { Backend } from '@kvm/core/backend';
import {
  __NR_accept4,
  __NR_bind,
  __NR_connect,
  __NR_listen,
  __NR_socket,
  __NR_socketpair,
} from '../../abi/unistd/constants.js';

/** Unix sockets, which Node does not give without a stream of its own. Each call returns `-errno` if it fails. */

/** `AF_UNIX` and `SOCK_STREAM`: no header that programs may include has them. */
const unix = 1;
const stream = 1;
/** `SOCK_CLOEXEC`. */
const closeOnExec = 0o2_000_000;
/** `SOCK_NONBLOCK`. */
const nonBlocking = flags.O_NONBLOCK;
/** `sun_path` of `struct sockaddr_un`, behind the family, and ended by a zero. */
const pathSize = 108;

const { ENAMETOOLONG } = constants.errno;

/** A socket that is connected to the one that listens at a path. */
export function connectUnix(path: string, backend: Backend): number {
  return withAddress(path, backend, (fd, address, size) => backend.syscall(__NR_connect, fd, address, size, 0, 0, 0));
}

/** A socket that listens at a path, for one connection at a time. */
export function listenUnix(path: string, backend: Backend): number {
  return withAddress(path, backend, (fd, address, size) => {
    const result = backend.syscall(__NR_bind, fd, address, size, 0, 0, 0);
    return result < 0 ? result : backend.syscall(__NR_listen, fd, 1, 0, 0, 0, 0);
  });
}

/** The next connection of a socket that listens. */
export function acceptUnix(listener: number, backend: Backend): number {
  return backend.syscall(__NR_accept4, listener, 0, 0, closeOnExec | nonBlocking, 0, 0);
}

/** Two sockets that are connected to each other. */
export function socketPair(backend: Backend): readonly [number, number] | number {
  const fds = new Int32Array(2);
  const type = stream | closeOnExec | nonBlocking;
  const result = backend.syscall(__NR_socketpair, unix, type, 0, backend.address(fds), 0, 0);
  return result < 0 ? result : [fds[0] as number, fds[1] as number];
}

function withAddress(
  path: string,
  backend: Backend,
  call: (fd: number, address: number, size: number) => number,
): number {
  const bytes = Buffer.from(path);
  if (bytes.length >= pathSize) return -ENAMETOOLONG;
  const address = new Uint8Array(2 + pathSize);
  new Uint16Array(address.buffer, 0, 1)[0] = unix;
  address.set(bytes, 2);
  const fd = backend.syscall(__NR_socket, unix, stream | closeOnExec | nonBlocking, 0, 0, 0, 0);
  if (fd < 0) return fd;
  const result = call(fd, backend.address(address), address.length);
  if (result >= 0) return fd;
  backend.close(fd);
  return result;
}
