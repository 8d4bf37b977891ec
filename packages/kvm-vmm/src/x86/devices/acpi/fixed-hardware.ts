import { boolean, integer, optionsOf } from '@kvm/core/struct';
import { RegisterFile } from '../../../bus/register-file.js';
import type { AccessSize } from '../../../bus/registers.js';
import { bits, checkLine } from '../../../devices/check.js';
import { type BusRange, checkVersion, type Device } from '../../../devices/device.js';
import { InterruptLine } from '../../../devices/interrupt-line.js';
import type { Outcome } from '../../../devices/outcome.js';
import { softOff } from './sleep.js';

/** Offsets of the registers of `FixedAcpi` from its first port, and values that the ACPI tables need. */
export const fixedHardware = {
  length: 6,
  /** PM1a_EVT_BLK: PM1_STS and PM1_EN, 2 bytes each. */
  eventBlock: 0,
  eventLength: 4,
  /** PM1a_CNT_BLK: PM1_CNT, 2 bytes. */
  controlBlock: 4,
  controlLength: 2,
  /** The sleep type of S5. */
  softOff,
} as const;

/** Bits of PM1_STS and, apart from the status of wake-up, of PM1_EN. */
const Event = { Timer: 0x0001, Global: 0x0020, PowerButton: 0x0100, SleepButton: 0x0200, Rtc: 0x0400 } as const;
const enableBits = Event.Timer | Event.Global | Event.PowerButton | Event.SleepButton | Event.Rtc;

/** Bits of PM1_CNT. */
const Control = {
  SciEnable: 0x0001,
  BusMasterReload: 0x0002,
  TypeShift: 10,
  Type: 0x1c00,
  SleepEnable: 0x2000,
} as const;
const controlBits = Control.BusMasterReload | Control.Type;

export interface FixedAcpiOptions {
  /** The first of its 6 ports; 0x600. */
  port?: number;
  /** The SCI, a level-triggered interrupt that the FADT names. */
  line?: InterruptLine;
}

export interface FixedAcpiState {
  readonly version: 1;
  readonly powerButton: boolean;
  readonly enable: number;
  readonly control: number;
  readonly isOff: boolean;
}

/**
 * The fixed hardware of ACPI without its timer (`PmTimer`): the PM1a event and control registers, with the power button
 * as the only event, and power-off as the only sleep state.
 *
 * The machine is always in ACPI mode: SCI_EN is 1, and there is no SMI command port, which the FADT says by a zero.
 * Timer, global lock, sleep button and RTC events may be enabled and never happen.
 *
 * ACPI 6.5, 4.8.3.1 and 4.8.3.2.
 */
export class FixedAcpi implements Device {
  readonly name = 'acpi';
  readonly ranges: readonly BusRange[];
  readonly #line: InterruptLine;
  readonly #registers = new RegisterFile([
    { name: 'PM1_STS', offset: 0, size: 2, read: () => this.#status, write: (value) => this.#clear(value) },
    {
      name: 'PM1_EN',
      offset: 2,
      size: 2,
      read: () => this.#enable,
      write: (value, mask) => this.#setEnable(value, mask),
    },
    {
      name: 'PM1_CNT',
      offset: fixedHardware.controlBlock,
      size: 2,
      read: () => this.#control | Control.SciEnable,
      write: (value, mask) => this.#setControl(value, mask),
    },
  ]);
  #powerButton = false;
  #enable = 0;
  #control = 0;
  #isOff = false;

  constructor(options: FixedAcpiOptions = {}) {
    const { port = 0x600, line = new InterruptLine() } = optionsOf(options, 'the options of a FixedAcpi', [
      'port',
      'line',
    ]);
    checkLine(line);
    const { length } = fixedHardware;
    this.ranges = [{ bus: 'pio', start: integer(port, 0, 0x1_0000 - length, 'port'), length }];
    this.#line = line;
  }

  get outcome(): Outcome | undefined {
    return this.#isOff ? { kind: 'power-off' } : undefined;
  }

  /** Presses the power button. What the guest does then is its own decision; most shut down. */
  press(): void {
    this.#powerButton = true;
    this.#updateLine();
  }

  read(offset: number, size: AccessSize): number {
    return this.#registers.read(offset, size);
  }

  write(offset: number, size: AccessSize, value: number): void {
    this.#registers.write(offset, size, value);
  }

  save(): FixedAcpiState {
    return {
      version: 1,
      powerButton: this.#powerButton,
      enable: this.#enable,
      control: this.#control,
      isOff: this.#isOff,
    };
  }

  load(state: FixedAcpiState): void {
    const known = ['version', 'powerButton', 'enable', 'control', 'isOff'] as const;
    const { powerButton, enable, control, isOff } = optionsOf(state, 'the state of a FixedAcpi', known);
    checkVersion(state, 1, this.name);
    boolean(powerButton, 'powerButton');
    bits(enable, enableBits, 'enable');
    bits(control, controlBits, 'control');
    this.#isOff = boolean(isOff, 'isOff');
    this.#powerButton = powerButton;
    this.#enable = enable;
    this.#control = control;
    this.#updateLine();
  }

  get #status(): number {
    return this.#powerButton ? Event.PowerButton : 0;
  }

  /** Writing ones clears events. */
  #clear(events: number): void {
    if ((events & Event.PowerButton) !== 0) this.#powerButton = false;
    this.#updateLine();
  }

  #setEnable(value: number, mask: number): void {
    this.#enable = ((this.#enable & ~mask) | value) & enableBits;
    this.#updateLine();
  }

  #setControl(value: number, mask: number): void {
    // SLP_EN is write-only.
    this.#control = ((this.#control & ~mask) | value) & controlBits;
    const type = this.#control >>> Control.TypeShift;
    if ((value & Control.SleepEnable) !== 0 && type === softOff) this.#isOff = true;
  }

  #updateLine(): void {
    this.#line.set((this.#status & this.#enable) !== 0);
  }
}
