import { existsSync, lstatSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { KvmError } from '@kvm/core';
import type { Connection } from './connection.js';
import type { VsockConnection } from './vsock.js';
import type { VsockHost } from './vsock-host.js';

/** `CONNECT 4294967295`, and a carriage return of those who type it. */
const longestRequest = 19;
const newLine = 10;
const connectRequest = /^CONNECT (\d{1,10})\r?$/;

/**
 * The Unix sockets through which other programs of the host use the sockets of a guest, by Firecracker's convention:
 * who connects to `path` writes `CONNECT <port>\n` and reads `OK <port of the host>\n`. What follows is the connection.
 * A connection of the guest to port P of the host goes to `path_P`.
 */
export class UnixSockets {
  readonly #path: string;
  readonly #vsock: VsockHost;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(path: string, vsock: VsockHost) {
    this.#path = path;
    this.#vsock = vsock;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => void this.#serve(socket));
  }

  /**
   * Listens at a path. A socket that nobody listens at is replaced.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` if that is not possible, with what to do about it.
   */
  static async open(path: string, vsock: VsockHost): Promise<UnixSockets> {
    await removeStale(path);
    const sockets = new UnixSockets(path, vsock);
    await sockets.#listen();
    vsock.setOther((hostPort) => (connection) => sockets.#offer(connection, `${path}_${hostPort}`));
    return sockets;
  }

  /** Removes the socket. Connections end with those of the guest. */
  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause: NodeJS.ErrnoException) => {
        // Node reports a folder that is missing as one without permission.
        const hint = existsSync(dirname(this.#path)) ? undefined : 'make its folder first';
        reject(refuse(`the vsock socket ${this.#path} cannot be made: ${cause.code}`, hint, cause));
      });
      this.#server.listen(this.#path, () => resolve());
    });
    // Of a connection that could not be accepted, as for want of descriptors.
    this.#server.on('error', () => {});
  }

  async #serve(socket: Socket): Promise<void> {
    const closed = new AbortController();
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => closed.abort());
    try {
      const port = await requestedPort(socket);
      const connection = await this.#vsock.connect(port, { signal: closed.signal });
      socket.write(`OK ${connection.hostPort}\n`);
      join(connection, socket);
    } catch {
      socket.destroy();
    } finally {
      this.#sockets.delete(socket);
    }
  }

  /** A connection of the guest, which waits for the answer. */
  #offer(connection: Connection, path: string): void {
    const { stream } = connection;
    const socket = connect({ path, allowHalfOpen: true });
    const refuse = (): void => void stream.destroy();
    const giveUp = (): void => void socket.destroy();
    socket.once('error', refuse);
    stream.once('close', giveUp);
    socket.once('connect', () => {
      socket.off('error', refuse);
      stream.off('close', giveUp);
      connection.accept();
      join(stream, socket);
    });
  }
}

/** Joins both streams until both directions have ended, or one of the streams is gone. */
function join(connection: VsockConnection, socket: Socket): void {
  connection.on('error', () => socket.destroy());
  socket.on('error', () => connection.destroy());
  // A stream that has ended has told the other one so, which may have some bytes left to write.
  connection.once('close', () => {
    if (!connection.readableEnded) socket.destroy();
  });
  socket.once('close', () => {
    if (!socket.readableEnded) connection.destroy();
  });
  connection.pipe(socket);
  socket.pipe(connection);
}

/** Reads the first line. */
function requestedPort(socket: Socket): Promise<number> {
  return new Promise((resolve, reject) => {
    let head = Buffer.alloc(0);
    const end = (): void => reject(new Error('closed'));
    const read = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      head = Buffer.concat([head, chunk]);
      const length = head.indexOf(newLine);
      if (length < 0 && head.length <= longestRequest) return;
      socket.off('readable', read).off('end', end).off('close', end);
      const [, port] = connectRequest.exec(head.toString('latin1', 0, Math.max(0, length))) ?? [];
      if (port === undefined) {
        reject(new Error('no request'));
        return;
      }
      if (length + 1 < head.length) socket.unshift(head.subarray(length + 1));
      resolve(Number(port));
    };
    socket.on('readable', read).once('end', end).once('close', end);
  });
}

async function removeStale(path: string): Promise<void> {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isSocket()) throw refuse(`${path} exists, and is no socket`, 'choose another path for the vsock socket');
  if (await hasListener(path)) {
    throw refuse(`the vsock socket ${path} is in use by another program`, 'choose another path, or stop that program');
  }
  try {
    unlinkSync(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw refuse(`the vsock socket ${path} is left from before, and cannot be removed: ${code}`, undefined, cause);
  }
}

/** Whether a program listens, or may: only a socket that refuses connections is left over. */
function hasListener(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED'));
  });
}

function refuse(message: string, hint?: string, cause?: unknown): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', message, { hint, cause });
}
