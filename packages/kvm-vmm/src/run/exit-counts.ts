import { exitReasonNames } from '@kvm/core';
import { s32 } from '@kvm/core/struct';

/** More than there are exit reasons. */
const room = 256;

/** How often a vCPU has exited, by reason. */
export class ExitCounts {
  /** The last element is for reasons that the kernel's headers do not name. */
  readonly #counts: Float64Array;

  /** @param memory what `ExitCounts.allocate` returned, to count in one thread and read in another. */
  constructor(memory: Float64Array = new Float64Array(room)) {
    this.#counts = memory;
  }

  /** Shared memory for the counts of a vCPU. */
  static allocate(): Float64Array {
    return new Float64Array(new SharedArrayBuffer(room * Float64Array.BYTES_PER_ELEMENT));
  }

  /** The counts of several vCPUs together. */
  static sum(all: readonly ExitCounts[]): ExitCounts {
    const sum = new ExitCounts();
    for (const each of all) {
      for (let i = 0; i < room; i++) sum.#counts[i] = (sum.#counts[i] as number) + (each.#counts[i] as number);
    }
    return sum;
  }

  add(reason: number): void {
    s32(reason, 'an exit reason');
    const index = reason >= 0 && reason < room - 1 ? reason : room - 1;
    this.#counts[index] = (this.#counts[index] as number) + 1;
  }

  get total(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  /** The counts that are not 0 by the kernel's names, such as `KVM_EXIT_IO`, the most frequent first. */
  byName(): Record<string, number> {
    const named = [...this.#counts].map((count, reason) => [exitReasonNames[reason] ?? 'unknown', count] as const);
    const counts: Record<string, number> = {};
    for (const [name, count] of named) if (count > 0) counts[name] = (counts[name] ?? 0) + count;
    return Object.fromEntries(Object.entries(counts).sort(([, a], [, b]) => b - a));
  }
}
