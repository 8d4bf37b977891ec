/** A ring as it is sent to a Worker. */
export interface SharedRing {
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
}

/** How many bytes have been written, and read, modulo 2^32. */
const WRITTEN = 0;
const READ = 1;
/** Whether the reader, or the writer, waits for a message. */
const READER_WAITS = 2;
const WRITER_WAITS = 3;
const WORDS = 4;

/**
 * A byte stream from one thread to another through shared memory, without locks. There is one writer and one reader.
 * Before it waits, a thread calls `sleepAsReader` or `sleepAsWriter`, and the other side then wakes it.
 */
export class ByteRing {
  readonly shared: SharedRing;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(shared: SharedRing) {
    this.shared = shared;
    this.#words = shared.words;
    this.#bytes = shared.bytes;
  }

  /** @param capacity bytes, a power of two. */
  static allocate(capacity: number): ByteRing {
    const words = new Int32Array(new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT));
    return new ByteRing({ words, bytes: new Uint8Array(new SharedArrayBuffer(capacity)) });
  }

  /** Bytes that can be read. */
  get available(): number {
    return (Atomics.load(this.#words, WRITTEN) - Atomics.load(this.#words, READ)) >>> 0;
  }

  /** Bytes that can be written. */
  get room(): number {
    return this.#bytes.length - this.available;
  }

  /** Writes as many bytes as there is room for, up to `limit` from `offset` on. Returns how many. */
  write(source: Uint8Array, offset = 0, limit: number = source.length - offset): number {
    const written = Atomics.load(this.#words, WRITTEN);
    const length = Math.min(this.room, limit);
    const mask = this.#bytes.length - 1;
    for (let i = 0; i < length; i++) this.#bytes[(written + i) & mask] = source[offset + i] as number;
    if (length > 0) Atomics.store(this.#words, WRITTEN, (written + length) | 0);
    return length;
  }

  /** Reads up to `limit` bytes. */
  read(limit: number = this.#bytes.length): Uint8Array<ArrayBuffer> {
    const copy = new Uint8Array(Math.min(this.available, limit));
    this.readInto(copy);
    return copy;
  }

  /** Reads up to `limit` bytes to the start of `into`. Returns how many. */
  readInto(into: Uint8Array, limit: number = into.length): number {
    const read = Atomics.load(this.#words, READ);
    const length = Math.min(this.available, limit);
    const mask = this.#bytes.length - 1;
    for (let i = 0; i < length; i++) into[i] = this.#bytes[(read + i) & mask] as number;
    if (length > 0) Atomics.store(this.#words, READ, (read + length) | 0);
    return length;
  }

  /** The ring is empty, and the reader wants a message. Returns false when data has arrived meanwhile: read on. */
  sleepAsReader(): boolean {
    Atomics.store(this.#words, READER_WAITS, 1);
    return this.available === 0;
  }

  /** The writer wants a message once there is room for `count` bytes. Returns false when there is: write on. */
  sleepAsWriter(count = 1): boolean {
    Atomics.store(this.#words, WRITER_WAITS, 1);
    return this.room < count;
  }

  /** For the writer: whether the reader waits for a message. It does once for each `sleepAsReader`. */
  takeSleepingReader(): boolean {
    return Atomics.exchange(this.#words, READER_WAITS, 0) === 1;
  }

  /** For the reader: whether the writer waits for a message. It does once for each `sleepAsWriter`. */
  takeSleepingWriter(): boolean {
    return Atomics.exchange(this.#words, WRITER_WAITS, 0) === 1;
  }
}
