/** The part of a second for which unused tokens are kept. */
const burst = 0.1;

/** Bounds a rate: tokens arrive evenly, and are kept for a tenth of a second. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #capacity: number;
  readonly #clock: () => number;
  #tokens: number;
  #at: number;

  /** @param clock milliseconds, of a clock that does not jump. */
  constructor(perSecond: number, clock: () => number) {
    this.#perMs = perSecond / 1000;
    this.#capacity = Math.max(1, perSecond * burst);
    this.#tokens = this.#capacity;
    this.#clock = clock;
    this.#at = clock();
  }

  /** Takes up to `wanted` whole tokens. Returns how many. */
  take(wanted: number): number {
    this.#fill();
    const taken = Math.min(wanted, Math.floor(this.#tokens));
    this.#tokens -= taken;
    return taken;
  }

  /** Takes tokens for what has happened already, more than there are if need be: they are missing later. */
  spend(count: number): void {
    this.#fill();
    this.#tokens -= count;
  }

  /** Milliseconds until there are as many tokens; 0 if there are. */
  msUntil(count: number): number {
    this.#fill();
    return Math.max(0, (count - this.#tokens) / this.#perMs);
  }

  #fill(): void {
    const now = this.#clock();
    this.#tokens = Math.min(this.#capacity, this.#tokens + (now - this.#at) * this.#perMs);
    this.#at = now;
  }
}
