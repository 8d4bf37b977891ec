import { fdatasyncSync, writeSync } from 'node:fs';

/** The bitmap is written in pages of this size, in bytes. */
const pageSize = 4096;

/** Which clusters of an overlay are in the overlay and not in its base, as a bitmap: bit i % 8 of byte i / 8. */
export class Changes {
  readonly bitmap: Uint8Array;
  readonly #fd: number | undefined;
  readonly #start: number;
  /** For each page of the bitmap, whether it differs from the file's. */
  readonly #dirty: Uint8Array;
  #isDirty = false;

  /** @param file where the bitmap is kept, and at which byte; without it, it goes with this object. */
  constructor(bitmap: Uint8Array, file?: { fd: number; start: number }) {
    this.bitmap = bitmap;
    this.#fd = file?.fd;
    this.#start = file?.start ?? 0;
    this.#dirty = new Uint8Array(Math.ceil(bitmap.length / pageSize));
  }

  has(cluster: number): boolean {
    return ((this.bitmap[Math.floor(cluster / 8)] as number) & (1 << (cluster % 8))) !== 0;
  }

  /** The end of the run of clusters that begins at `cluster`, all in or all not in the overlay; at most `end`. */
  runEnd(cluster: number, end: number): number {
    const first = this.has(cluster);
    let at = cluster + 1;
    while (at < end && this.has(at) === first) at++;
    return at;
  }

  add(cluster: number): void {
    const index = Math.floor(cluster / 8);
    const byte = this.bitmap[index] as number;
    const bit = 1 << (cluster % 8);
    if ((byte & bit) !== 0) return;
    this.bitmap[index] = byte | bit;
    this.#dirty[Math.floor(index / pageSize)] = 1;
    this.#isDirty = true;
  }

  /** Makes the bitmap durable. The clusters that were added must be durable before. */
  commit(): void {
    if (!this.#isDirty || this.#fd === undefined) return;
    for (let page = this.#dirty.indexOf(1); page >= 0; page = this.#dirty.indexOf(1, page + 1)) {
      const from = page * pageSize;
      writeAll(this.#fd, this.bitmap, from, Math.min(pageSize, this.bitmap.length - from), this.#start + from);
    }
    fdatasyncSync(this.#fd);
    this.#dirty.fill(0);
    this.#isDirty = false;
  }
}

function writeAll(fd: number, bytes: Uint8Array, offset: number, length: number, position: number): void {
  for (let done = 0; done < length; ) done += writeSync(fd, bytes, offset + done, length - done, position + done);
}
