import { ExitCounts } from '../run/exit-counts.js';

/** The numbers beside the counts of exits. */
const Field = { UnclaimedPio: 0, UnclaimedMmio: 1, Requests: 2, Began: 3, Ended: 4 } as const;
const fields = 5;

/** The memory of a vCPU's statistics. */
export interface SharedStats {
  readonly exits: Float64Array;
  readonly numbers: Float64Array;
}

/** What one vCPU has done: written by its thread, read by any. */
export class VcpuStats {
  readonly exits: ExitCounts;
  readonly #numbers: Float64Array;

  constructor({ exits, numbers }: SharedStats) {
    this.exits = new ExitCounts(exits);
    this.#numbers = numbers;
  }

  static allocate(): SharedStats {
    const numbers = new Float64Array(new SharedArrayBuffer(fields * Float64Array.BYTES_PER_ELEMENT));
    return { exits: ExitCounts.allocate(), numbers };
  }

  /** The vCPU enters the guest for the first time. */
  begin(): void {
    this.#numbers[Field.Began] = now();
  }

  end(): void {
    this.#numbers[Field.Ended] = now();
  }

  countUnclaimed(isPio: boolean, count: number): void {
    this.#add(isPio ? Field.UnclaimedPio : Field.UnclaimedMmio, count);
  }

  /** The device thread was asked. */
  countRequest(): void {
    this.#add(Field.Requests, 1);
  }

  get unclaimedPio(): number {
    return this.#numbers[Field.UnclaimedPio] as number;
  }

  get unclaimedMmio(): number {
    return this.#numbers[Field.UnclaimedMmio] as number;
  }

  get requests(): number {
    return this.#numbers[Field.Requests] as number;
  }

  /** When it entered the guest first, and left it last; now while it runs. In milliseconds of the wall clock. */
  get time(): { readonly began: number; readonly ended: number } {
    return { began: this.#numbers[Field.Began] || now(), ended: this.#numbers[Field.Ended] || now() };
  }

  #add(field: number, count: number): void {
    this.#numbers[field] = (this.#numbers[field] as number) + count;
  }
}

/** All threads have the same clock: milliseconds, with fractions. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

/** What a machine has done until now. */
export interface MachineStats {
  /** Exits by the kernel's names, the most frequent first. */
  readonly exits: Readonly<Record<string, number>>;
  readonly exitCount: number;
  /** Accesses that no device answered. */
  readonly unclaimed: { readonly pio: number; readonly mmio: number };
  /** Exits that the device thread answered. */
  readonly requests: number;
  /** From the first entry of a vCPU into the guest to the last exit, or until now. */
  readonly seconds: number;
}

export function sumOf(vcpus: readonly VcpuStats[]): MachineStats {
  const exits = ExitCounts.sum(vcpus.map((each) => each.exits));
  const total = (number: (each: VcpuStats) => number): number => vcpus.reduce((sum, each) => sum + number(each), 0);
  const began = Math.min(...vcpus.map(({ time }) => time.began));
  const ended = Math.max(...vcpus.map(({ time }) => time.ended));
  return {
    exits: exits.byName(),
    exitCount: exits.total,
    unclaimed: { pio: total((each) => each.unclaimedPio), mmio: total((each) => each.unclaimedMmio) },
    requests: total((each) => each.requests),
    // To the microsecond: the rest is noise.
    seconds: Math.round((ended - began) * 1000) / 1e6,
  };
}
