import { lstatSync, rmSync } from 'node:fs';
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import type { Backend } from '@kvm/core/backend';
import type { SocketOptions } from '../../machine/document.js';
import type { OpenLink } from './open-link.js';
import { refuse } from './refuse.js';
import { connectUnix, listenUnix } from './unix-socket.js';

const { EACCES, EADDRINUSE, EAGAIN, ECONNREFUSED, ENAMETOOLONG, ENOENT, ENOTSOCK, EPROTOTYPE } = constants.errno;

/** @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for a socket that cannot be used; the hint says what to do. */
export function openSocket({ path, listen = false }: SocketOptions, backend: Backend): OpenLink {
  const fd = listen ? listenAt(path, backend) : connectUnix(path, backend);
  if (fd < 0) throw refusal(path, listen, -fd);
  const own = listen ? lstatSync(path).ino : undefined;
  const close = (): void => {
    backend.close(fd);
    if (listen && lstatSync(path, { throwIfNoEntry: false })?.ino === own) rmSync(path);
  };
  return { plan: { kind: listen ? 'listener' : 'stream', fd }, ready: Promise.resolve(), close };
}

/** A socket whose program has gone is replaced. Nothing else is. */
function listenAt(path: string, backend: Backend): number {
  const fd = listenUnix(path, backend);
  if (fd !== -EADDRINUSE || lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return fd;
  const other = connectUnix(path, backend);
  if (other >= 0) backend.close(other);
  if (other !== -ECONNREFUSED) return fd;
  rmSync(path);
  return listenUnix(path, backend);
}

function refusal(path: string, listen: boolean, errno: number): Error {
  const hints: Record<number, string> = {
    [ENOENT]: listen ? 'make its folder' : 'start the program that listens there first',
    [ECONNREFUSED]: 'start the program that listens there first',
    [EAGAIN]: 'the program that listens there has another connection: it takes one',
    [EADDRINUSE]: 'another program listens there, or it is no socket: choose another path',
    [EACCES]: 'change its permissions, or those of its folder',
    [EPROTOTYPE]: 'the other side must be a stream socket',
    [ENOTSOCK]: 'it is no socket',
    [ENAMETOOLONG]: 'the path of a socket has at most 107 bytes',
  };
  const what = listen ? 'made' : 'connected to';
  return refuse(`the socket ${path} cannot be ${what}: ${getSystemErrorName(-errno)}`, hints[errno]);
}
