import { integer, optionsOf } from '@kvm/core/struct';
import { RegisterFile } from '../../../bus/register-file.js';
import type { AccessSize } from '../../../bus/registers.js';
import { bits, checkLine } from '../../../devices/check.js';
import { type BusRange, checkVersion, type Device } from '../../../devices/device.js';
import { InterruptLine } from '../../../devices/interrupt-line.js';
import type { Outcome } from '../../../devices/outcome.js';
import { type EndKind, endOf, softOff } from './sleep.js';

/** Offsets of the registers of `HardwareReducedAcpi` from its first port, and values that the ACPI tables need. */
export const hardwareReduced = {
  length: 8,
  /** SLEEP_CONTROL_REG, one byte: SLP_TYP in bits 2 to 4, SLP_EN in bit 5. */
  sleepControl: 0,
  /** SLEEP_STATUS_REG, one byte. */
  sleepStatus: 1,
  /** RESET_REG, one byte. */
  reset: 2,
  /** RESET_VALUE. */
  resetValue: 1,
  /** The events of the Generic Event Device, 4 bytes: a read of all four returns and clears them. */
  events: 4,
  /** The bit of the power button in the events: QEMU's, for a system power down. */
  powerButton: 0x02,
  /** The bit of a new generation ID in the events. */
  newGeneration: 0x40,
  /** The sleep type of S5. */
  softOff,
} as const;

const Control = { TypeShift: 2, Type: 0x1c, Enable: 0x20 } as const;

export interface HardwareReducedAcpiOptions {
  /** The first of its 8 ports; 0x600. */
  port?: number;
  /** The line of the Generic Event Device: high while there are events. */
  line?: InterruptLine;
}

export interface HardwareReducedAcpiState {
  readonly version: 1;
  readonly sleepControl: number;
  /** Those that the guest has not read. */
  readonly events: number;
  readonly outcome: EndKind | null;
}

/**
 * The registers of hardware-reduced ACPI: power-off by the sleep registers, reboot by the reset register, and the
 * events of a Generic Event Device: the power button, and a new generation ID. S5 is the only sleep state.
 *
 * ACPI 6.5, 4.8.3.6, 4.8.3.7 and 5.6.9; QEMU's docs/specs/acpi_hw_reduced_hotplug.rst.
 */
export class HardwareReducedAcpi implements Device {
  readonly name = 'acpi';
  readonly ranges: readonly BusRange[];
  readonly #line: InterruptLine;
  readonly #registers = new RegisterFile([
    {
      name: 'SLEEP_CONTROL_REG',
      offset: hardwareReduced.sleepControl,
      size: 1,
      read: () => this.#sleepControl,
      write: (value) => this.#sleep(value),
    },
    // No sleep state is left by waking up: its only bit, WAK_STS, is never set.
    { name: 'SLEEP_STATUS_REG', offset: hardwareReduced.sleepStatus, size: 1, read: () => 0 },
    { name: 'RESET_REG', offset: hardwareReduced.reset, size: 1, read: () => 0, write: (value) => this.#reset(value) },
    { name: 'events', offset: hardwareReduced.events, size: 4, whole: true, read: () => this.#takeEvents() },
  ]);
  #sleepControl = 0;
  #events = 0;
  #end: EndKind | null = null;

  constructor(options: HardwareReducedAcpiOptions = {}) {
    const { port = 0x600, line = new InterruptLine() } = optionsOf(options, 'the options of a HardwareReducedAcpi', [
      'port',
      'line',
    ]);
    checkLine(line);
    const { length } = hardwareReduced;
    this.ranges = [{ bus: 'pio', start: integer(port, 0, 0x1_0000 - length, 'port'), length }];
    this.#line = line;
  }

  get outcome(): Outcome | undefined {
    return this.#end === null ? undefined : { kind: this.#end };
  }

  /** Presses the power button. What the guest does then is its own decision; most shut down. */
  press(): void {
    this.#raise(hardwareReduced.powerButton);
  }

  /** Tells the guest that its generation ID is another one: it was restored. */
  changeGeneration(): void {
    this.#raise(hardwareReduced.newGeneration);
  }

  read(offset: number, size: AccessSize): number {
    return this.#registers.read(offset, size);
  }

  write(offset: number, size: AccessSize, value: number): void {
    this.#registers.write(offset, size, value);
  }

  save(): HardwareReducedAcpiState {
    return { version: 1, sleepControl: this.#sleepControl, events: this.#events, outcome: this.#end };
  }

  load(state: HardwareReducedAcpiState): void {
    const known = ['version', 'sleepControl', 'events', 'outcome'] as const;
    const { sleepControl, events, outcome } = optionsOf(state, 'the state of a HardwareReducedAcpi', known);
    checkVersion(state, 1, this.name);
    bits(sleepControl, Control.Type, 'sleepControl');
    bits(events, hardwareReduced.powerButton | hardwareReduced.newGeneration, 'events');
    this.#end = endOf(outcome);
    this.#sleepControl = sleepControl;
    this.#events = events;
    this.#line.set(events !== 0);
  }

  #sleep(value: number): void {
    // SLP_EN is write-only.
    this.#sleepControl = value & Control.Type;
    const type = this.#sleepControl >>> Control.TypeShift;
    if ((value & Control.Enable) !== 0 && type === softOff) this.#end ??= 'power-off';
  }

  #raise(event: number): void {
    this.#events |= event;
    this.#line.set(true);
  }

  #reset(value: number): void {
    if (value === hardwareReduced.resetValue) this.#end ??= 'reboot';
  }

  #takeEvents(): number {
    const events = this.#events;
    this.#events = 0;
    this.#line.set(false);
    return events;
  }
}
