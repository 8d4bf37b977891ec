import { Duplex } from 'node:stream';
import type { VsockConnection } from './vsock.js';

/** What is behind a stream. */
export interface StreamSource {
  readonly hostPort: number;
  readonly guestPort: number;
  /** The stream wants bytes. */
  read(): void;
  /** The stream writes bytes, and is called back when all are sent. */
  write(chunk: Uint8Array, written: () => void): void;
  /** The stream writes no more. */
  end(): void;
  /** The stream is destroyed. */
  close(): void;
}

/** A connection as a stream. */
export class VsockStream extends Duplex implements VsockConnection {
  readonly hostPort: number;
  readonly guestPort: number;
  readonly #source: StreamSource;

  constructor(source: StreamSource) {
    // What is not read stays in the buffer of the connection, whose size the guest knows.
    super({ allowHalfOpen: true, readableHighWaterMark: 1 });
    this.hostPort = source.hostPort;
    this.guestPort = source.guestPort;
    this.#source = source;
  }

  /** The connection is over. A guest must not end a program that has no listener for errors. */
  fail(error: Error): void {
    this.destroy(this.listenerCount('error') > 0 ? error : undefined);
  }

  override _read(): void {
    this.#source.read();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#source.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.#source.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#source.close();
    done(error);
  }
}
