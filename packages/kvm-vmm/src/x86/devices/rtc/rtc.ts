import { KvmError } from '@kvm/core';
import { integer, optionsOf } from '@kvm/core/struct';
import { RegisterFile } from '../../../bus/register-file.js';
import type { AccessSize } from '../../../bus/registers.js';
import { bits, checkFunction, checkLine } from '../../../devices/check.js';
import { type BusRange, checkVersion, type Device } from '../../../devices/device.js';
import { InterruptLine } from '../../../devices/interrupt-line.js';
import { largestOffset, RtcClock } from './clock.js';
import { cmosOf } from './cmos.js';
import { Cmos, cmosSize, RegisterA, RegisterC, RegisterD } from './registers.js';

export interface RtcOptions {
  /** Milliseconds since 1970, UTC; `Date.now`. */
  clock?: () => number;
  /** Bytes of RAM below 4 GiB, for the size of the memory in CMOS; 0. */
  memoryBelow4GiB?: number;
  /** Bytes of RAM from 4 GiB on; 0. */
  memoryAbove4GiB?: number;
  /** Its interrupt line, ISA IRQ 8. */
  line?: InterruptLine;
}

export interface RtcState {
  readonly version: 1;
  /** What was written to port 0x70: the offset, and in the top bit whether NMIs are off. */
  readonly index: number;
  /** The CMOS memory with registers A and B. The time is in it only while the clock stands. */
  readonly cmos: readonly number[];
  /** The flags of register C. */
  readonly flags: number;
  /** Milliseconds by which the guest's time is ahead of the host's. */
  readonly offset: number;
}

/**
 * The real-time clock of a PC, an MC146818, with its CMOS memory.
 *
 * The time is that of `clock` and an offset, which changes when the guest sets the time. It runs on while the machine
 * does not, as with a battery. Updates take no time, but are announced by UIP in the last millisecond of each second.
 *
 * A device has no timers. The flags of register C are brought up to date when the guest accesses the device, which is
 * enough for a guest that polls. For its interrupts, call `update` after `msUntilInterrupt()`. Without those calls an
 * interrupt is late: it is raised at the next access. Linux takes its ticks from elsewhere, and boots without: only
 * alarms and programs such as hwclock wait for this interrupt.
 *
 * Left out: the square-wave output, daylight saving, and other dividers than that of 32,768 Hz, at which the clock
 * stands. No PC has their inputs. Bit 7 of port 0x70, which turns NMIs off, is kept but has no effect, for nothing here
 * causes NMIs.
 *
 * Motorola's data sheet MC146818; Linux: drivers/rtc/rtc-mc146818-lib.c.
 */
export class Rtc implements Device {
  readonly name = 'rtc';
  readonly ranges: readonly BusRange[] = [{ bus: 'pio', start: 0x70, length: 2 }];
  readonly #line: InterruptLine;
  readonly #cmos: Uint8Array;
  readonly #clock: RtcClock;
  readonly #registers = new RegisterFile([
    {
      name: 'index',
      offset: 0,
      size: 1,
      write: (value) => {
        this.#index = value;
      },
    },
    {
      name: 'data',
      offset: 1,
      size: 1,
      read: () => this.#read(this.#index & 0x7f),
      write: (value) => this.#write(this.#index & 0x7f, value),
    },
  ]);
  #index = 0;

  constructor(options: RtcOptions = {}) {
    const known = ['clock', 'memoryBelow4GiB', 'memoryAbove4GiB', 'line'] as const;
    const {
      clock = Date.now,
      memoryBelow4GiB = 0,
      memoryAbove4GiB = 0,
      line = new InterruptLine(),
    } = optionsOf(options, 'the options of an Rtc', known);
    checkFunction(clock, 'clock');
    checkLine(line);
    this.#cmos = cmosOf(memoryBelow4GiB, memoryAbove4GiB);
    this.#clock = new RtcClock(this.#cmos, clock);
    this.#line = line;
  }

  /** Brings flags and interrupt line up to date. */
  update(): void {
    this.#clock.update();
    this.#line.set(this.#clock.interrupts !== 0);
  }

  /**
   * Milliseconds until the next interrupt that the guest has enabled: call `update` then. Undefined if there is none to
   * wait for. Ask again after each access of the guest.
   */
  msUntilInterrupt(): number | undefined {
    this.update();
    return this.#line.level ? undefined : this.#clock.msUntilInterrupt();
  }

  read(offset: number, size: AccessSize): number {
    this.update();
    const value = this.#registers.read(offset, size);
    this.update();
    return value;
  }

  write(offset: number, size: AccessSize, value: number): void {
    this.update();
    this.#registers.write(offset, size, value);
    this.update();
  }

  save(): RtcState {
    this.update();
    const { flags, offset } = this.#clock;
    return { version: 1, index: this.#index, cmos: [...this.#cmos], flags, offset };
  }

  load(state: RtcState): void {
    const known = ['version', 'index', 'cmos', 'flags', 'offset'] as const;
    const { index, cmos, flags, offset } = optionsOf(state, 'the state of an Rtc', known);
    checkVersion(state, 1, this.name);
    integer(index, 0, 0xff, 'index');
    bits(flags, RegisterC.Flags, 'flags');
    if (!Number.isFinite(offset) || Math.abs(offset) > largestOffset) {
      throw new KvmError('ERR_KVM_OUT_OF_RANGE', `offset must be a number of at most ${largestOffset} milliseconds`);
    }
    if (!Array.isArray(cmos)) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'cmos must be an array of bytes');
    integer(cmos.length, cmosSize, cmosSize, 'the length of cmos');
    for (const byte of cmos) integer(byte, 0, 0xff, 'a byte of cmos');
    bits(cmos[Cmos.RegisterA], 0xff & ~RegisterA.Uip, 'register A');
    this.#index = index;
    this.#cmos.set(cmos);
    this.#clock.load(flags, offset);
    this.update();
  }

  #read(offset: number): number {
    if (offset === Cmos.RegisterC) return this.#clock.takeFlags();
    if (offset === Cmos.RegisterD) return RegisterD.Vrt;
    return this.#clock.read(offset);
  }

  #write(offset: number, value: number): void {
    if (offset !== Cmos.RegisterC && offset !== Cmos.RegisterD) this.#clock.write(offset, value);
  }
}
