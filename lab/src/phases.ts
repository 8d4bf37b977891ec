import { performance } from 'node:perf_hooks';

/** What took how long. */
export class Phases {
  readonly seconds: Record<string, number> = {};
  #begun = performance.now();

  /** What was being done since the last phase's end is over. */
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
