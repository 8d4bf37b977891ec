import type { ByteRing } from './byte-ring.js';

/** Where the bytes of a ring go. */
export interface Sink {
  write(bytes: Uint8Array): void;
  readonly full: boolean;
  drained(): Promise<void>;
}

/** Carries what a ring gets to a sink, as fast as that takes it: a slow reader slows the writer down, and loses nothing. */
export class RingPump {
  readonly #ring: ByteRing;
  readonly #sink: Sink;
  #busy = false;
  #last: Promise<void> = Promise.resolve();

  constructor(ring: ByteRing, sink: Sink) {
    this.#ring = ring;
    this.#sink = sink;
    this.wake();
  }

  /** Called when the ring may have got something. */
  wake(): void {
    if (!this.#busy) this.#last = this.#pump();
  }

  /** Settles when the ring is empty, after the last byte was written to it. */
  async finish(): Promise<void> {
    await this.#last;
    this.wake();
    await this.#last;
  }

  async #pump(): Promise<void> {
    this.#busy = true;
    do {
      for (let bytes = this.#ring.read(); bytes.length > 0; bytes = this.#ring.read()) {
        this.#sink.write(bytes);
        if (this.#sink.full) await this.#sink.drained();
      }
    } while (!this.#ring.sleepAsReader());
    // In one go with the question above: whoever is told to wake this from now on finds it asleep.
    this.#busy = false;
  }
}
