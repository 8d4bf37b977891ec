/** Bytes. Small packets share a piece of this size, so that each does not cost more memory than it has bytes. */
const pieceSize = 4096;

/** The bytes that a connection has received, and its reader has not taken yet. */
export class ReceiveBuffer {
  readonly #pieces: Buffer[] = [];
  /** The free bytes at the end of the last piece. */
  #room = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Adds a copy of `length` bytes from `at` on. */
  append(from: Uint8Array, at: number, length: number): void {
    let done = 0;
    while (done < length) {
      if (this.#room === 0) this.#addPiece(length - done);
      const last = this.#pieces.at(-1) as Buffer;
      const part = Math.min(this.#room, length - done);
      last.set(from.subarray(at + done, at + done + part), last.length - this.#room);
      this.#room -= part;
      done += part;
    }
    this.#length += length;
  }

  /** Takes the first piece out; undefined if there is none. */
  take(): Buffer | undefined {
    const piece = this.#pieces.shift();
    if (piece === undefined) return undefined;
    const isLast = this.#pieces.length === 0;
    const bytes = isLast ? piece.subarray(0, piece.length - this.#room) : piece;
    if (isLast) this.#room = 0;
    this.#length -= bytes.length;
    return bytes;
  }

  clear(): void {
    this.#pieces.length = 0;
    this.#room = 0;
    this.#length = 0;
  }

  /** A reader that keeps up gets pieces of the exact size. */
  #addPiece(length: number): void {
    const size = this.#pieces.length === 0 ? length : Math.max(length, pieceSize);
    this.#pieces.push(Buffer.allocUnsafeSlow(size));
    this.#room = size;
  }
}
