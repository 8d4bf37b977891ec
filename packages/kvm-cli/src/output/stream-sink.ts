import type { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';

/**
 * One of the process's output streams. Its reader may be slow: a write says so, and `drained` waits; or gone, which `onClosed`
 * tells: what is written then is lost without an error.
 */
export class StreamSink {
  readonly #stream: Writable;
  #closed = false;
  #onClosed: (() => void) | undefined;
  #waiting: (() => void)[] = [];

  constructor(stream: Writable) {
    this.#stream = stream;
    stream.on('drain', () => this.#wake());
    // EPIPE, for the most part; a full disk is as good a reason to stop.
    stream.on('error', () => {
      this.#closed = true;
      this.#wake();
      this.#onClosed?.();
    });
  }

  #wake(): void {
    for (const each of this.#waiting.splice(0)) each();
  }

  /** Whether nobody reads any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Calls back when nobody reads any more. */
  onClosed(callback: () => void): void {
    this.#onClosed = callback;
    if (this.#closed) callback();
  }

  /** Waits no longer for a reader that does not read. */
  abandonUnread(): void {
    if (this.#stream.writableLength === 0) return;
    this.#closed = true;
    this.#wake();
  }

  write(bytes: Uint8Array | string): void {
    if (!this.#closed) this.#stream.write(bytes);
  }

  /** Whether the stream has as much as it should hold. */
  get full(): boolean {
    return !this.#closed && this.#stream.writableNeedDrain;
  }

  /** Settles once there is room again, or nobody reads any more. */
  async drained(): Promise<void> {
    if (this.full) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Settles once all that was written is out, or nobody reads any more. */
  async flushed(): Promise<void> {
    if (this.#closed) return;
    if (this.#stream.writableLength > 0) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        this.#stream.write('', () => resolve());
      });
    }
    // A stream tells of a write that has failed only after that: one to a file or a device, which is done at once, some ticks later.
    await turn();
  }
}

/** Where results, and what a guest says, go. */
export const stdout: StreamSink = new StreamSink(process.stdout);
/** Where errors, reports and traces go. */
export const stderr: StreamSink = new StreamSink(process.stderr);
