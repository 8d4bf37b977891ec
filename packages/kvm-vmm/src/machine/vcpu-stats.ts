import { ExitCounts } from '../run/exit-counts.js';
import { deviceLimit } from './claims.js';

/** The numbers beside the counts of exits. */
const Field = { UnclaimedPio: 0, UnclaimedMmio: 1, Requests: 2, Began: 3, Ended: 4 } as const;
const fields = 5;

/** The memory of a vCPU's statistics. */
export interface SharedStats {
  readonly exits: Float64Array;
  /** Exits by the number of the device that answered. */
  readonly devices: Float64Array;
  readonly numbers: Float64Array;
}

/** What one vCPU has done: written by its thread, read by any. */
export class VcpuStats {
  readonly exits: ExitCounts;
  /** Exits by the number of the device that answered. */
  readonly devices: Float64Array;
  readonly #numbers: Float64Array;

  constructor({ exits, devices, numbers }: SharedStats) {
    this.exits = new ExitCounts(exits);
    this.devices = devices;
    this.#numbers = numbers;
  }

  static allocate(): SharedStats {
    return { exits: ExitCounts.allocate(), devices: sharedNumbers(deviceLimit), numbers: sharedNumbers(fields) };
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

  /** The device thread was asked for a device. */
  countRequest(device: number): void {
    this.devices[device] = (this.devices[device] as number) + 1;
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

  /**
   * When it entered the guest first, infinite before that, and left it last, now while it runs: in milliseconds of the
   * wall clock.
   */
  get time(): { readonly began: number; readonly ended: number } {
    return {
      began: this.#numbers[Field.Began] || Number.POSITIVE_INFINITY,
      ended: this.#numbers[Field.Ended] || now(),
    };
  }

  #add(field: number, count: number): void {
    this.#numbers[field] = (this.#numbers[field] as number) + count;
  }
}

/** Numbers that threads share. */
export function sharedNumbers(count: number): Float64Array {
  return new Float64Array(new SharedArrayBuffer(count * Float64Array.BYTES_PER_ELEMENT));
}

/** All threads have the same clock: milliseconds, with fractions. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** What a machine has done until now. */
export interface MachineStats {
  /** Exits by the kernel's names, the most frequent first. */
  readonly exits: Readonly<Record<string, number>>;
  readonly exitCount: number;
  /** Exits by the name of the device that answered them, the most frequent first. */
  readonly devices: Readonly<Record<string, number>>;
  /** Accesses that no device answered. */
  readonly unclaimed: { readonly pio: number; readonly mmio: number };
  /** Exits for which a vCPU had to ask the device thread; the vCPU's own thread answered the others. */
  readonly requests: number;
  /** When a vCPU first entered the guest, in milliseconds since 1970; undefined before. */
  readonly began: number | undefined;
  /** From then on to the first byte that the guest wrote to its console, in seconds; undefined before. */
  readonly secondsToOutput: number | undefined;
  /** From the first entry of a vCPU into the guest to the last exit, or until now. */
  readonly seconds: number;
}

/** What is known of a machine beside the statistics of its vCPUs. */
interface Known {
  /** The names of the devices, by their numbers. */
  readonly devices: readonly string[];
  /** In milliseconds of the wall clock; 0 before. */
  readonly firstOutput: number;
}

export function sumOf(vcpus: readonly VcpuStats[], { devices, firstOutput }: Known): MachineStats {
  const exits = ExitCounts.sum(vcpus.map((each) => each.exits));
  const total = (number: (each: VcpuStats) => number): number => vcpus.reduce((sum, each) => sum + number(each), 0);
  const answered = devices.map((name, i) => [name, total((each) => each.devices[i] as number)] as const);
  const began = Math.min(...vcpus.map(({ time }) => time.began));
  const ended = Math.max(...vcpus.map(({ time }) => time.ended));
  const hasBegun = began !== Number.POSITIVE_INFINITY;
  return {
    exits: exits.byName(),
    exitCount: exits.total,
    devices: Object.fromEntries(answered.filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a)),
    unclaimed: { pio: total((each) => each.unclaimedPio), mmio: total((each) => each.unclaimedMmio) },
    requests: total((each) => each.requests),
    began: hasBegun ? began : undefined,
    secondsToOutput: hasBegun && firstOutput !== 0 ? secondsBetween(began, firstOutput) : undefined,
    seconds: hasBegun ? secondsBetween(began, ended) : 0,
  };
}

/** To the microsecond: the rest is noise. */
function secondsBetween(began: number, ended: number): number {
  return Math.round((ended - began) * 1000) / 1e6;
}
