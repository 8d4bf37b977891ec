import { createWriteStream, fstatSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { getSystemErrorMap } from 'node:util';

/**
 * Standard output or standard error. `full` and `drained` are for a slow reader. After a failed write, which
 * `onFailure` reports, everything that is written is dropped.
 */
export class StreamSink {
  /** The name of the stream in errors. */
  readonly #name: string;
  readonly #stream: Writable;
  #abandoned = false;
  #failure: NodeJS.ErrnoException | undefined;
  #onFailure: (() => void) | undefined;
  #waiting: (() => void)[] = [];

  constructor(name: string, stream: Writable) {
    this.#name = name;
    this.#stream = stream;
    stream.on('drain', () => this.#wake());
    stream.on('error', (error) => {
      this.#failure ??= error;
      this.#wake();
      this.#onFailure?.();
    });
  }

  #wake(): void {
    for (const each of this.#waiting.splice(0)) each();
  }

  /** Whether writes are dropped: one has failed, or the reader was abandoned. */
  get closed(): boolean {
    return this.#abandoned || this.#failure !== undefined;
  }

  /** Whether the reader has gone, as `head` does when it has its lines. That is not an error. */
  get readerHasGone(): boolean {
    return this.#failure?.code === 'EPIPE' || this.#failure?.code === 'ECONNRESET';
  }

  /** The error message of a failed write; undefined when there was none, or when the reader has gone. */
  get problem(): string | undefined {
    if (this.#failure === undefined || this.readerHasGone) return undefined;
    const { errno = 0, code, message } = this.#failure;
    const [, words = message] = getSystemErrorMap().get(errno) ?? [];
    return `${this.#name} cannot be written: ${words}${code === undefined ? '' : ` (${code})`}`;
  }

  /** Calls back once a write has failed. */
  onFailure(callback: () => void): void {
    this.#onFailure = callback;
    if (this.#failure !== undefined) callback();
  }

  /** Stops waiting for a reader that does not read. */
  abandonUnread(): void {
    if (this.#stream.writableLength === 0) return;
    this.#abandoned = true;
    this.#wake();
  }

  write(bytes: Uint8Array | string): void {
    if (!this.closed) this.#stream.write(bytes);
  }

  /** Whether the stream has buffered as much as it should. */
  get full(): boolean {
    return !this.closed && this.#stream.writableNeedDrain;
  }

  /** Settles once there is room again, or the sink is closed. */
  async drained(): Promise<void> {
    if (this.full) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Settles once everything is written out, or the sink is closed. */
  async flushed(): Promise<void> {
    if (this.closed) return;
    if (this.#stream.writableLength > 0) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        this.#stream.write('', () => resolve());
      });
    }
    // The error of a synchronous write is emitted some ticks after its callback.
    await turn();
  }
}

/** Node ignores a short write to a file, as on a disk that is nearly full. A WriteStream writes the rest, or fails. */
function unshortened(fd: number, stream: Writable): Writable {
  try {
    if (fstatSync(fd).isFile()) return createWriteStream('', { fd, autoClose: false });
  } catch {
    // Not open: the stream reports it.
  }
  return stream;
}

/** Results, and the guest's output. */
export const stdout: StreamSink = new StreamSink('standard output', unshortened(1, process.stdout));
/** Errors, reports and traces. */
export const stderr: StreamSink = new StreamSink('standard error', unshortened(2, process.stderr));
