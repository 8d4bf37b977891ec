import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { CliError } from '../exit-status.js';

/** The demo, which the build puts beside the code. */
export function builtInGuest(): Uint8Array {
  return readFileSync(new URL('../guests/hello.bin', import.meta.url));
}

const chunkSize = 0x1_0000;

/**
 * The bytes of a guest, from a file or what else can be read. No more than `limit` of them are, however long it is.
 *
 * @throws CliError that names the file, and the limit.
 */
export function readGuest(path: string, limit: number): Uint8Array {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    throw new CliError(`${path}: ${reason(error)}`);
  }
  try {
    if (fstatSync(fd).isDirectory()) throw new CliError(`${path}: it is a directory, not a guest`);
    const bytes = readUpTo(fd, limit + 1, path);
    if (bytes.length === 0) throw new CliError(`${path}: the file is empty`);
    if (bytes.length > limit)
      throw new CliError(`${path}: the guest is larger than its memory of ${limit} bytes (--mem)`);
    return bytes;
  } finally {
    closeSync(fd);
  }
}

function readUpTo(fd: number, most: number, path: string): Uint8Array {
  const chunks: Buffer[] = [];
  for (let total = 0; total < most; ) {
    const chunk = Buffer.allocUnsafe(Math.min(chunkSize, most - total));
    let length: number;
    try {
      length = readSync(fd, chunk);
    } catch (error) {
      throw new CliError(`${path}: ${reason(error)}`);
    }
    if (length === 0) break;
    chunks.push(chunk.subarray(0, length));
    total += length;
  }
  return Buffer.concat(chunks);
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
    default:
      return code ?? message;
  }
}
