import { closeSync, constants, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { isatty, ReadStream } from 'node:tty';
import { CliError, ExitStatus } from '../exit-status.js';
import { refuseOtherFormats } from './guest-format.js';

/** The demo, which the build puts beside the code. */
export function builtInGuest(): Uint8Array {
  return readFileSync(new URL('../guests/hello.bin', import.meta.url));
}

const chunkSize = 0x1_0000;

/**
 * The bytes of a guest, from a file or what else can be read; `-` is standard input. No more than `limit` of them are read, however
 * long it is.
 *
 * @param timeoutSeconds how long a pipe or a terminal may take to give them.
 * @throws CliError that names the file, and what is wrong.
 */
export async function readGuest(path: string, limit: number, timeoutSeconds?: number): Promise<Uint8Array> {
  const name = path === '-' ? 'standard input' : path;
  let bytes: Uint8Array;
  try {
    const source = path === '-' ? process.stdin : open(path);
    bytes =
      typeof source === 'number' ? readFile(source, limit + 1) : await readStream(source, limit + 1, timeoutSeconds);
  } catch (error) {
    throw new CliError(
      `${name}: ${reason(error)}`,
      error instanceof TooSlow ? ExitStatus.TimedOut : ExitStatus.Failure,
    );
  }
  if (bytes.length === 0) throw new CliError(`${name}: the file is empty`);
  refuseOtherFormats(name, bytes);
  if (bytes.length > limit)
    throw new CliError(`${name}: the guest is larger than its memory of ${limit} bytes (--mem)`);
  return bytes;
}

/** A descriptor of what gives its bytes at once, a stream of what may keep its reader waiting. */
function open(path: string): number | Readable {
  // A FIFO would block this thread until it has a writer; without O_NOCTTY a terminal could become the process's own.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  if (isatty(fd)) return new ReadStream(fd);
  return fstatSync(fd).isFIFO() ? new Socket({ fd, readable: true, writable: false }) : fd;
}

function readFile(fd: number, most: number): Buffer {
  const chunks: Buffer[] = [];
  try {
    for (let total = 0; total < most; ) {
      const chunk = Buffer.allocUnsafe(Math.min(chunkSize, most - total));
      const length = readSync(fd, chunk);
      if (length === 0) break;
      chunks.push(chunk.subarray(0, length));
      total += length;
    }
  } finally {
    closeSync(fd);
  }
  return Buffer.concat(chunks);
}

async function readStream(stream: Readable, most: number, timeoutSeconds: number | undefined): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let total = 0;
  const timeout =
    timeoutSeconds === undefined ? undefined : setTimeout(() => stream.destroy(new TooSlow()), timeoutSeconds * 1000);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      total += chunk.length;
      if (total >= most) break;
    }
  } finally {
    clearTimeout(timeout);
  }
  return Buffer.concat(chunks).subarray(0, most);
}

class TooSlow extends Error {
  override readonly message = 'the guest could not be read in its time (--timeout)';
}

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'there is no such file';
    case 'EACCES':
    case 'EPERM':
      return 'this user may not read it';
    case 'EISDIR':
      return 'it is a directory, not a guest';
    default:
      return code ?? message;
  }
}
