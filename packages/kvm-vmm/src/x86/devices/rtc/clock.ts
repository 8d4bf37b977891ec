import { nextAlarm } from './alarm.js';
import { Cmos, RegisterA, RegisterB, RegisterC } from './registers.js';
import { storeTime, type TimeFormat, timeOf, timeOffsets } from './time.js';

/** Milliseconds: some 20,000 years, more than the registers hold. */
export const largestOffset = 2 ** 49;

/**
 * The clock of an RTC and what depends on its time. While it runs, the time is a function of the host's clock. While it
 * stands, by SET or its divider, the registers in the CMOS memory hold the time, and the guest may write them.
 */
export class RtcClock {
  readonly #cmos: Uint8Array;
  readonly #hostClock: () => number;
  /** Milliseconds by which the guest's time is ahead of the host's. */
  #offset = 0;
  /** The flags of register C. */
  #flags = 0;
  /** The guest's time at the last update of the flags. */
  #updated: number;

  /** @param hostClock milliseconds since 1970. */
  constructor(cmos: Uint8Array, hostClock: () => number) {
    this.#cmos = cmos;
    this.#hostClock = hostClock;
    this.#updated = hostClock();
  }

  get offset(): number {
    return this.#offset;
  }

  get flags(): number {
    return this.#flags;
  }

  /** The flags whose interrupts are enabled. */
  get interrupts(): number {
    return this.#flags & this.#b & RegisterB.Interrupts;
  }

  load(flags: number, offset: number): void {
    this.#flags = flags;
    this.#offset = offset;
    this.#updated = this.#now;
  }

  /** Register C, which reading clears. */
  takeFlags(): number {
    const value = this.#flags | (this.interrupts !== 0 ? RegisterC.Irqf : 0);
    this.#flags = 0;
    return value;
  }

  /** Sets the flags of what has happened since the last call. */
  update(): void {
    const before = this.#updated;
    const now = this.#now;
    this.#updated = now;
    const period = this.#period;
    if (period > 0 && Math.floor(now / period) !== Math.floor(before / period)) this.#flags |= RegisterC.Pf;
    const last = seconds(before);
    if (!this.#isRunning || seconds(now) <= last) return;
    this.#flags |= RegisterC.Uf;
    const alarm = nextAlarm(this.#cmos, last, this.#format);
    if (alarm !== undefined && alarm <= seconds(now)) this.#flags |= RegisterC.Af;
  }

  /** Milliseconds until the next interrupt that is enabled. */
  msUntilInterrupt(): number | undefined {
    const now = this.#now;
    const times: number[] = [];
    if ((this.#b & RegisterC.Pf) !== 0 && this.#period > 0) times.push(this.#period - modulo(now, this.#period));
    if (this.#isRunning && (this.#b & RegisterC.Uf) !== 0) times.push(1000 - modulo(now, 1000));
    const alarm = this.#isRunning && (this.#b & RegisterC.Af) !== 0 ? this.#nextAlarm(now) : undefined;
    if (alarm !== undefined) times.push(alarm);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** A byte of the CMOS memory as the guest reads it. */
  read(offset: number): number {
    if (timeOffsets.has(offset) && this.#isRunning) storeTime(this.#cmos, seconds(this.#now), this.#format);
    const byte = this.#cmos[offset] as number;
    return offset === Cmos.RegisterA && this.#isUpdating ? byte | RegisterA.Uip : byte;
  }

  /** Writes a byte of the CMOS memory. A written time counts from now on or, if the clock stands, once it runs. */
  write(offset: number, value: number): void {
    const host = this.#hostClock();
    const now = host + this.#offset;
    const ran = this.#isRunning;
    const wasReset = this.#isReset;
    if (ran) storeTime(this.#cmos, seconds(now), this.#format);
    this.#cmos[offset] = stored(offset, value);
    if (!this.#isRunning || (ran && !timeOffsets.has(offset))) return;
    const time = timeOf(this.#cmos, this.#format);
    if (time === undefined) return;
    // The first update after a reset of the divider comes half a second later.
    this.#offset = time * 1000 + (wasReset ? 500 : modulo(now, 1000)) - host;
    this.#updated = host + this.#offset;
  }

  get #now(): number {
    return this.#hostClock() + this.#offset;
  }

  get #b(): number {
    return this.#cmos[Cmos.RegisterB] as number;
  }

  get #divider(): number {
    return (this.#cmos[Cmos.RegisterA] as number) & RegisterA.Divider;
  }

  get #isReset(): boolean {
    return (this.#divider & RegisterA.DividerReset) === RegisterA.DividerReset;
  }

  get #isRunning(): boolean {
    return this.#divider === RegisterA.Running && (this.#b & RegisterB.Set) === 0;
  }

  get #format(): TimeFormat {
    return { isBinary: (this.#b & RegisterB.Binary) !== 0, is24Hour: (this.#b & RegisterB.Hours24) !== 0 };
  }

  /** Whether the time is about to change: at least 244 microseconds before, by the data sheet. */
  get #isUpdating(): boolean {
    return this.#isRunning && modulo(this.#now, 1000) >= 999;
  }

  /** Milliseconds of the periodic interrupt; 0 for none. It goes on while SET stops the updates. */
  get #period(): number {
    const rate = (this.#cmos[Cmos.RegisterA] as number) & RegisterA.Rate;
    if (rate === 0 || this.#divider !== RegisterA.Running) return 0;
    // The two highest rates of a clock of 32,768 Hz are those of 8 and 9.
    return (1000 * 2 ** ((rate < 3 ? rate + 7 : rate) - 1)) / 32_768;
  }

  #nextAlarm(now: number): number | undefined {
    const alarm = nextAlarm(this.#cmos, seconds(now), this.#format);
    return alarm === undefined ? undefined : alarm * 1000 - now;
  }
}

/** UIP is read-only, and SET turns the interrupt at the end of an update off. */
function stored(offset: number, value: number): number {
  if (offset === Cmos.RegisterA) return value & ~RegisterA.Uip;
  return offset === Cmos.RegisterB && (value & RegisterB.Set) !== 0 ? value & ~RegisterC.Uf : value;
}

function seconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}

function modulo(value: number, modulus: number): number {
  return ((value % modulus) + modulus) % modulus;
}
