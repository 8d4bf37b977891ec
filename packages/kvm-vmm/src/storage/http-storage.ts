import { Worker } from 'node:worker_threads';
import { KvmError } from '@kvm/core';
import type { Backend } from '@kvm/core/backend';
import { type FileOrder, FileStorage } from './file-storage.js';
import type { HttpResource } from './http-resource.js';
import type { Storage } from './storage.js';

/** Bytes that are fetched at once. */
export const chunkSize = 2 ** 18;
/** Chunks in the cache: 64 MiB. */
export const cachedChunks = 256;

/** The word that the fetching thread shares. */
export const Fetch = { Idle: 0, Busy: 1, Done: 2, Failed: 3 } as const;

export interface HttpOrder {
  readonly kind: 'http';
  readonly resource: HttpResource;
  /** A file in memory for the chunks that are cached. */
  readonly cache: FileOrder;
}

/** What the fetching thread is asked for. */
export interface FetchRequest {
  readonly position: number;
  readonly length: number;
  /** Where in the cache's file the bytes go. */
  readonly to: number;
}

/** A disk on a server, read in chunks by a thread of its own while this thread waits. The last ones are cached. */
export class HttpStorage implements Storage {
  readonly size: number;
  readonly isReadOnly = true;
  readonly blockSize = 4096;
  readonly #url: string;
  readonly #cache: FileStorage;
  readonly #state = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  readonly #worker: Worker;
  /** The slot of each chunk that is cached. */
  readonly #slots = new Map<number, number>();
  /** The chunk of each slot, or -1, and whether it was used since the hand came by last: the clock algorithm. */
  readonly #chunks = new Float64Array(cachedChunks).fill(-1);
  readonly #used = new Uint8Array(cachedChunks);
  #hand = 0;

  constructor({ resource, cache }: HttpOrder, backend: Backend) {
    this.size = resource.size;
    this.#url = resource.url;
    this.#cache = new FileStorage(cache, backend);
    this.#worker = new Worker(new URL('../../dist/storage/http-thread.js', import.meta.url), {
      workerData: { resource, fd: cache.fd, state: this.#state } satisfies FetchThreadData,
    });
    this.#worker.unref();
  }

  read(into: Uint8Array, offset: number, length: number, position: number): void {
    for (let done = 0; done < length; ) {
      const chunk = Math.floor((position + done) / chunkSize);
      const within = (position + done) % chunkSize;
      const part = Math.min(chunkSize - within, length - done);
      this.#cache.read(into, offset + done, part, this.#slotOf(chunk) * chunkSize + within);
      done += part;
    }
  }

  write(): void {
    throw new KvmError('ERR_KVM_UNSUPPORTED', 'a disk on a server cannot be written to');
  }

  flush(): void {}

  discard(): void {}

  writeZeroes(): void {
    this.write();
  }

  close(): void {
    void this.#worker.terminate();
  }

  #slotOf(chunk: number): number {
    const slot = this.#slots.get(chunk) ?? this.#fetch(chunk);
    this.#used[slot] = 1;
    return slot;
  }

  #fetch(chunk: number): number {
    const slot = this.#freeSlot();
    const position = chunk * chunkSize;
    Atomics.store(this.#state, 0, Fetch.Busy);
    const request: FetchRequest = {
      position,
      length: Math.min(chunkSize, this.size - position),
      to: slot * chunkSize,
    };
    this.#worker.postMessage(request);
    while (Atomics.load(this.#state, 0) === Fetch.Busy) Atomics.wait(this.#state, 0, Fetch.Busy);
    if (Atomics.load(this.#state, 0) !== Fetch.Done) {
      throw new KvmError('ERR_KVM_UNSUPPORTED', `the disk ${this.#url} could not be read`);
    }
    this.#chunks[slot] = chunk;
    this.#slots.set(chunk, slot);
    return slot;
  }

  /** Drops a chunk that was not used for a while, if all slots are taken. */
  #freeSlot(): number {
    for (; this.#used[this.#hand] !== 0; this.#hand = (this.#hand + 1) % cachedChunks) this.#used[this.#hand] = 0;
    const slot = this.#hand;
    this.#hand = (this.#hand + 1) % cachedChunks;
    this.#slots.delete(this.#chunks[slot] as number);
    this.#chunks[slot] = -1;
    return slot;
  }
}

export interface FetchThreadData {
  readonly resource: HttpResource;
  readonly fd: number;
  readonly state: Int32Array;
}
