import { fdatasyncSync, readSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { KvmError } from '@kvm/core';
import type { Backend } from '@kvm/core/backend';
import type { Storage } from './storage.js';

/** What a `FileStorage` is made of: plain values, which a thread passes to another. */
export interface FileOrder {
  readonly kind: 'file';
  readonly fd: number;
  /** Where the disk begins in the file, in bytes. */
  readonly start: number;
  readonly size: number;
  readonly isReadOnly: boolean;
  readonly blockSize: number;
  /** Whether the file goes with the process, so that there is nothing to flush. */
  readonly isVolatile: boolean;
}

/** `read(2)` and `write(2)` take no more than 2 GiB less a page at once. */
const longest = 2 ** 30;

const { EINTR, EINVAL, EOPNOTSUPP } = constants.errno;

const zeros = new Uint8Array(2 ** 18);

/** A disk that is a file, a block device, or a part of one. */
export class FileStorage implements Storage {
  readonly size: number;
  readonly isReadOnly: boolean;
  readonly blockSize: number;
  readonly #order: FileOrder;
  readonly #backend: Backend;
  #canPunch = true;
  #canZero = true;

  constructor(order: FileOrder, backend: Backend) {
    this.size = order.size;
    this.isReadOnly = order.isReadOnly;
    this.blockSize = order.blockSize;
    this.#order = order;
    this.#backend = backend;
  }

  read(into: Uint8Array, offset: number, length: number, position: number): void {
    const { fd, start } = this.#order;
    for (let done = 0; done < length; ) {
      const count = readSync(fd, into, offset + done, Math.min(length - done, longest), start + position + done);
      if (count === 0) throw new KvmError('ERR_KVM_OUT_OF_RANGE', 'the file of a disk became shorter');
      done += count;
    }
  }

  write(from: Uint8Array, offset: number, length: number, position: number): void {
    const { fd, start } = this.#order;
    for (let done = 0; done < length; ) {
      done += writeSync(fd, from, offset + done, Math.min(length - done, longest), start + position + done);
    }
  }

  flush(): void {
    if (!this.#order.isVolatile) fdatasyncSync(this.#order.fd);
  }

  discard(position: number, length: number): void {
    this.#punch(position, length);
  }

  writeZeroes(position: number, length: number, mayUnmap: boolean): void {
    if ((mayUnmap && this.#punch(position, length)) || this.#zero(position, length)) return;
    for (let done = 0; done < length; done += zeros.length) {
      this.write(zeros, 0, Math.min(zeros.length, length - done), position + done);
    }
  }

  close(): void {
    if (!this.isReadOnly) this.flush();
  }

  #punch(position: number, length: number): boolean {
    if (!this.#canPunch) return false;
    const result = this.#allocate(this.#backend.punchHole, position, length);
    if (result === -EOPNOTSUPP) this.#canPunch = false;
    return result === 0;
  }

  #zero(position: number, length: number): boolean {
    if (!this.#canZero) return false;
    const result = this.#allocate(this.#backend.zeroRange, position, length);
    if (result === -EOPNOTSUPP) this.#canZero = false;
    return result === 0;
  }

  /** A block device refuses a range that is not whole blocks of its own. */
  #allocate(call: Backend['punchHole'], position: number, length: number): number {
    const { fd, start } = this.#order;
    let result: number;
    do result = call(fd, start + position, length);
    while (result === -EINTR);
    if (result === 0 || result === -EOPNOTSUPP || result === -EINVAL) return result;
    throw new KvmError('ERR_KVM_SYSCALL', 'fallocate of a disk', { errno: -result });
  }
}
