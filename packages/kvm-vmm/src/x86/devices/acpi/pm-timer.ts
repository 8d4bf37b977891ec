import { KvmError } from '@kvm/core';
import { integer, optionsOf } from '@kvm/core/struct';
import { RegisterFile } from '../../../bus/register-file.js';
import type { AccessSize } from '../../../bus/registers.js';
import { checkFunction } from '../../../devices/check.js';
import { type BusRange, checkVersion, type Device } from '../../../devices/device.js';

/** Ticks a second. */
export const pmTimerFrequency = 3_579_545;

export interface PmTimerOptions {
  /** The first of its 4 ports; 0x608. */
  port?: number;
  /** Bits of the counter; 32. The FADT tells the guest: its flag TMR_VAL_EXT stands for 32. */
  width?: 24 | 32;
  /** Nanoseconds of a clock that never goes back and is the same in all threads; `process.hrtime.bigint`. */
  clock?: () => bigint;
  /** What is added to the ticks of the clock; 0. With the `offset` of a timer, another thread makes an equal one. */
  offset?: number;
}

export interface PmTimerState {
  readonly version: 1;
  /** The counter at the time of the save. */
  readonly counter: number;
}

/**
 * The power management timer of ACPI: a counter of 3.579545 MHz. It depends on nothing but the clock and `offset`, so
 * any thread can answer a read. Writes are ignored.
 *
 * The interrupt at the change of the highest bit is left out: guests that need to know read the counter often enough.
 *
 * ACPI 6.5, 4.8.3.3; Linux: drivers/clocksource/acpi_pm.c.
 */
export class PmTimer implements Device {
  readonly name = 'pm-timer';
  readonly ranges: readonly BusRange[];
  readonly #clock: () => bigint;
  /** One more than the greatest value of the counter. */
  readonly #modulus: number;
  readonly #registers = new RegisterFile([{ name: 'PM_TMR', offset: 0, size: 4, read: () => this.#counter() }]);
  #offset: number;

  constructor(options: PmTimerOptions = {}) {
    const known = ['port', 'width', 'clock', 'offset'] as const;
    const {
      port = 0x608,
      width = 32,
      clock = process.hrtime.bigint,
      offset = 0,
    } = optionsOf(options, 'the options of a PmTimer', known);
    if (width !== 24 && width !== 32) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'width must be 24 or 32');
    checkFunction(clock, 'clock');
    this.ranges = [{ bus: 'pio', start: integer(port, 0, 0xfffc, 'port'), length: 4 }];
    this.#clock = clock;
    this.#modulus = 2 ** width;
    this.#offset = integer(offset, 0, this.#modulus - 1, 'offset');
  }

  /** Ticks: the value of the counter when the clock was 0. `load` changes it. */
  get offset(): number {
    return this.#offset;
  }

  read(offset: number, size: AccessSize): number {
    return this.#registers.read(offset, size);
  }

  write(): void {}

  save(): PmTimerState {
    return { version: 1, counter: this.#counter() };
  }

  /** The counter continues from its saved value. */
  load(state: PmTimerState): void {
    const { counter } = optionsOf(state, 'the state of a PmTimer', ['version', 'counter']);
    checkVersion(state, 1, this.name);
    integer(counter, 0, this.#modulus - 1, 'counter');
    this.#offset = this.#wrap(counter - this.#ticks());
  }

  #counter(): number {
    return this.#wrap(this.#ticks() + this.#offset);
  }

  #ticks(): number {
    // A double has room for the ticks of 79 years; in bigints this would allocate more.
    return this.#wrap(Math.floor(Number(this.#clock()) * (pmTimerFrequency / 1e9)));
  }

  #wrap(ticks: number): number {
    const rest = ticks % this.#modulus;
    return rest < 0 ? rest + this.#modulus : rest;
  }
}
