import { Duplex } from 'node:stream';
import type { ByteRing } from '../streams/byte-ring.js';

/** Bytes of output that are kept for a program that has not asked for the console yet. */
const keptOutput = 2 ** 16;

/**
 * The console of a machine as a stream: it reads what the guest writes, and what is written to it the guest reads. It
 * ends with the machine. A slow reader slows the guest's output down; without any reader, the guest does not wait.
 */
export class Console extends Duplex {
  readonly #output: ByteRing;
  readonly #input: ByteRing;
  /** Tells the device thread that there is input, or room for output. */
  readonly #ring: () => void;
  #isRead = false;
  #wantsOutput = false;
  #rest: { chunk: Uint8Array; done: () => void } | undefined;
  /** How much of the chunk that is being written is in the ring already. */
  #passed = 0;
  #hasEnded = false;

  constructor(output: ByteRing, input: ByteRing, ring: () => void) {
    super({ readableHighWaterMark: keptOutput, allowHalfOpen: true });
    this.#output = output;
    this.#input = input;
    this.#ring = ring;
    // Begins to read.
    this.read(0);
  }

  /** A program wants the output: nothing of it is lost from now on. */
  attach(): this {
    this.#isRead = true;
    return this;
  }

  /** Bytes that were written to it and that the guest has not taken yet. */
  get pendingInput(): number {
    // The stream counts a chunk until all of it is in the ring.
    return this.#input.available + this.writableLength - this.#passed;
  }

  /** There is output, because the guest has written some to an empty ring. */
  wakeReader(): void {
    if (this.#wantsOutput) this.#pull();
    else if (!this.#isRead) this.#discard();
  }

  /** There is room for input, because the guest has read from a full ring. */
  wakeWriter(): void {
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest !== undefined) this.#offer(rest.chunk, rest.done);
  }

  /** The machine has ended: passes on the rest of the output, then the end. */
  finish(): void {
    this.#hasEnded = true;
    for (let bytes = this.#output.read(); bytes.length > 0; bytes = this.#output.read()) this.push(bytes);
    this.push(null);
    this.#rest?.done();
    this.#rest = undefined;
  }

  override _read(): void {
    this.#wantsOutput = true;
    this.#pull();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#hasEnded) done();
    else this.#offer(chunk, done);
  }

  #pull(): void {
    if (this.#hasEnded) return;
    do {
      for (let bytes = this.#take(); bytes.length > 0; bytes = this.#take()) {
        if (!this.push(bytes)) {
          this.#wantsOutput = false;
          // A full stream does not read on, but an unread one must not stop the guest.
          if (this.#isRead) return;
          this.#discard();
          return;
        }
      }
    } while (!this.#output.sleepAsReader());
  }

  /** Drops what the guest writes while nobody reads it. */
  #discard(): void {
    do while (this.#take().length > 0);
    while (!this.#output.sleepAsReader());
  }

  /** The output that there is. A vCPU may wait for the room that this makes. */
  #take(): Uint8Array {
    const bytes = this.#output.read();
    if (this.#output.takeSleepingWriter()) this.#ring();
    return bytes;
  }

  #offer(chunk: Uint8Array, done: () => void): void {
    let queued = this.#pass(chunk);
    while (queued < chunk.length) {
      if (this.#input.sleepAsWriter()) {
        this.#rest = { chunk: chunk.subarray(queued), done };
        return;
      }
      queued += this.#pass(chunk.subarray(queued));
    }
    this.#passed = 0;
    done();
  }

  #pass(chunk: Uint8Array): number {
    const count = this.#input.write(chunk);
    this.#passed += count;
    this.#ring();
    return count;
  }
}
