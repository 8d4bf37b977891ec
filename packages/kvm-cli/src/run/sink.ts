import type { Readable } from 'node:stream';

/** Takes bytes, at its own pace. */
export interface Sink {
  write(bytes: Uint8Array): void;
  readonly full: boolean;
  drained(): Promise<void>;
}

/** Moves all bytes of a stream to a sink. A slow sink slows the stream down, and loses nothing. */
export async function pump(stream: Readable, sink: Sink): Promise<void> {
  for await (const bytes of stream as AsyncIterable<Uint8Array>) {
    sink.write(bytes);
    if (sink.full) await sink.drained();
  }
}
