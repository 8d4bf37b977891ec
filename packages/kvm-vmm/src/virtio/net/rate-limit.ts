import { TokenBucket } from '../token-bucket.js';

/** What a network card may carry in each direction; undefined for all that the host can. */
export interface NetRates {
  readonly bytesPerSecond: number | undefined;
  readonly framesPerSecond: number | undefined;
}

/** Bounds one direction of a network card. A frame goes as a whole: the next one waits for what it took too much. */
export class RateLimit {
  readonly #bytes: TokenBucket | undefined;
  readonly #frames: TokenBucket | undefined;

  /** @param clock milliseconds, of a clock that does not jump. */
  constructor({ bytesPerSecond, framesPerSecond }: NetRates, clock: () => number) {
    this.#bytes = bytesPerSecond === undefined ? undefined : new TokenBucket(bytesPerSecond, clock);
    this.#frames = framesPerSecond === undefined ? undefined : new TokenBucket(framesPerSecond, clock);
  }

  /** Milliseconds until the next frame may go; 0 if it may. */
  get ms(): number {
    return Math.max(this.#bytes?.msUntil(1) ?? 0, this.#frames?.msUntil(1) ?? 0);
  }

  /** Frames have gone. */
  spend(frames: number, bytes: number): void {
    this.#frames?.spend(frames);
    this.#bytes?.spend(bytes);
  }
}
