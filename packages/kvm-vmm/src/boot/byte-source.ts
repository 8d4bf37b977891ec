import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { KvmError } from '@kvm/core';
import { integer } from '@kvm/core/struct';

/** Bytes that can be read in pieces: a file or a buffer. */
export interface ByteSource {
  /** The number of bytes. */
  readonly size: number;
  /**
   * Fills a buffer with the bytes from an offset on.
   *
   * @throws KvmError `ERR_KVM_OUT_OF_RANGE` if there are fewer.
   */
  read(offset: number, into: Uint8Array): void;
}

/** The bytes of a buffer, without a copy. */
export function bytesSource(bytes: Uint8Array): ByteSource {
  if (!(bytes instanceof Uint8Array)) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'bytes must be a Uint8Array');
  return {
    size: bytes.length,
    read(offset, into) {
      checkRange(bytes.length, offset, into);
      into.set(bytes.subarray(offset, offset + into.length));
    },
  };
}

/** `read(2)` takes no more than 2 GiB less a page at once. */
const longestRead = 2 ** 30;

/**
 * The bytes of a regular file, which stays open until the source is disposed.
 *
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for a file that cannot be opened, and for a directory, pipe or device.
 */
export function fileSource(path: string | URL): ByteSource & Disposable {
  if (typeof path !== 'string' && !(path instanceof URL)) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'the path of a file must be a string or a URL');
  }
  const fd = openFile(path);
  const { size } = fstatSync(fd);
  let open = true;
  return {
    size,
    read(offset, into) {
      if (!open) throw new KvmError('ERR_KVM_CLOSED', `the file ${path} is closed`);
      checkRange(size, offset, into);
      for (let done = 0; done < into.length; ) {
        const count = readSync(fd, into, done, Math.min(into.length - done, longestRead), offset + done);
        if (count === 0)
          throw new KvmError('ERR_KVM_OUT_OF_RANGE', `the file ${path} became shorter while it was read`);
        done += count;
      }
    },
    [Symbol.dispose]() {
      if (open) closeSync(fd);
      open = false;
    },
  };
}

function openFile(path: string | URL): number {
  try {
    // Without O_NONBLOCK, opening a pipe waits for its writer.
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (fstatSync(fd).isFile()) return fd;
    closeSync(fd);
  } catch (cause) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${path} cannot be opened: ${(cause as Error).message}`, { cause });
  }
  throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${path} is not a regular file`);
}

function checkRange(size: number, offset: number, into: Uint8Array): void {
  integer(offset, 0, Number.MAX_SAFE_INTEGER, 'an offset into a source of bytes');
  if (offset + into.length > size) {
    throw new KvmError('ERR_KVM_OUT_OF_RANGE', `${into.length} bytes at offset ${offset} leave a source of ${size}`);
  }
}

/** A copy of some bytes of a source; the caller bounds the length. */
export function readBytes(source: ByteSource, offset: number, length: number): Buffer<ArrayBuffer> {
  const bytes = Buffer.alloc(length);
  source.read(offset, bytes);
  return bytes;
}
