import { closeSync, constants, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { isatty, ReadStream } from 'node:tty';
import { CliError, ExitStatus } from '../exit-status.js';
import { refuseOtherFormats } from './guest-format.js';

/** The demo. The build copies it next to the code. */
export function builtInGuest(): Uint8Array {
  return readFileSync(new URL('../guests/hello.bin', import.meta.url));
}

const chunkSize = 0x1_0000;

/**
 * Reads a guest from a file, a pipe or a terminal; `-` is standard input. A guest of more than `limit` bytes is
 * refused, and not read to its end.
 *
 * @param timeoutSeconds how long reading from a pipe or a terminal may take.
 * @throws CliError that names the file and the problem.
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
      error instanceof TimedOut ? ExitStatus.TimedOut : ExitStatus.Failure,
    );
  }
  if (bytes.length === 0) throw new CliError(`${name}: the file is empty`);
  refuseOtherFormats(name, bytes);
  if (bytes.length > limit) throw new CliError(`${name}: the guest is larger than its memory, ${limit} bytes (--mem)`);
  return bytes;
}

/** A descriptor of a file whose bytes are there at once; a stream where a reader may have to wait. */
function open(path: string): number | Readable {
  // Without O_NONBLOCK a FIFO blocks until it has a writer; without O_NOCTTY a terminal may become the controlling one.
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
    timeoutSeconds === undefined ? undefined : setTimeout(() => stream.destroy(new TimedOut()), timeoutSeconds * 1000);
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

class TimedOut extends Error {
  override readonly message = 'the guest could not be read in time (--timeout)';
}

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'no such file';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'EISDIR':
      return 'is a directory';
    default:
      return code ?? message;
  }
}
