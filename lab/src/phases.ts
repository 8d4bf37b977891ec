import { performance } from 'node:perf_hooks';

/** The durations of the phases. */
export class Phases {
  readonly seconds: Record<string, number> = {};
  #begun = performance.now();

  /** Ends the current phase. */
  end(name: string): void {
    const now = performance.now();
    this.seconds[name] = Math.round(now - this.#begun) / 1000;
    this.#begun = now;
  }

  toString(): string {
    return Object.entries(this.seconds)
      .map(([name, seconds]) => `${name} ${seconds.toFixed(1)} s`)
      .join(', ');
  }
}
