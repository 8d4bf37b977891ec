import { KvmError } from '@kvm/core';
import { boolean, integer, optionsOf } from '@kvm/core/struct';
import { RegisterFile } from '../../../bus/register-file.js';
import type { AccessSize } from '../../../bus/registers.js';
import { bits, checkLine } from '../../../devices/check.js';
import { type BusRange, checkVersion, type Device } from '../../../devices/device.js';
import { InterruptLine } from '../../../devices/interrupt-line.js';
import type { Outcome } from '../../../devices/outcome.js';
import { answers, Command, Control, noDevice, Status, statusBits, withData } from './registers.js';

export interface I8042Options {
  /** The keyboard's interrupt line, ISA IRQ 1. Without one, a driver waits for an absent keyboard for its own time. */
  line?: InterruptLine;
}

export interface I8042State {
  readonly version: 1;
  readonly control: number;
  /** The bits of the status register that are not those of `control`. */
  readonly status: number;
  readonly output: number;
  /** The command that waits for its byte. */
  readonly command: number | null;
  readonly isReset: boolean;
}

/**
 * The keyboard controller of a PC with nothing connected. Guests use it to reset the machine. Drivers that probe it get
 * every answer at once.
 *
 * The sources are IBM's description in the PC AT's technical reference, and Linux: drivers/input/serio/i8042.c.
 */
export class I8042 implements Device {
  readonly name = 'i8042';
  /** Port 0x61 in between belongs to the timer. */
  readonly ranges: readonly BusRange[] = [
    { bus: 'pio', start: 0x60, length: 1 },
    { bus: 'pio', start: 0x64, length: 1 },
  ];
  readonly #line: InterruptLine;
  readonly #registers = new RegisterFile(
    [{ name: 'data', offset: 0, size: 1, read: () => this.#takeOutput(), write: (byte) => this.#writeData(byte) }],
    [
      { name: 'status', offset: 0, size: 1, read: () => this.#readStatus() },
      { name: 'command', offset: 0, size: 1, write: (byte) => this.#run(byte) },
    ],
  );
  #control: number = Control.System | Control.KeyboardOff | Control.AuxOff | Control.Translate;
  #status = 0;
  #output = 0;
  #command: number | null = null;
  #isReset = false;

  constructor(options: I8042Options = {}) {
    const { line = new InterruptLine() } = optionsOf(options, 'the options of an I8042', ['line']);
    checkLine(line);
    this.#line = line;
  }

  get outcome(): Outcome | undefined {
    return this.#isReset ? { kind: 'reboot' } : undefined;
  }

  read(offset: number, size: AccessSize, range: number): number {
    return this.#registers.read(offset, size, range);
  }

  write(offset: number, size: AccessSize, value: number, range: number): void {
    this.#registers.write(offset, size, value, range);
    this.#updateLine();
  }

  save(): I8042State {
    return {
      version: 1,
      control: this.#control,
      status: this.#status,
      output: this.#output,
      command: this.#command,
      isReset: this.#isReset,
    };
  }

  load(state: I8042State): void {
    const known = ['version', 'control', 'status', 'output', 'command', 'isReset'] as const;
    const { control, status, output, command, isReset } = optionsOf(state, 'the state of an I8042', known);
    checkVersion(state, 1, this.name);
    integer(control, 0, 0xff, 'control');
    bits(status, statusBits, 'status');
    integer(output, 0, 0xff, 'output');
    if (command !== null && !withData.has(command)) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'command must be null or a command that takes a byte');
    }
    this.#isReset = boolean(isReset, 'isReset');
    this.#control = control;
    this.#status = status;
    this.#output = output;
    this.#command = command;
    this.#updateLine();
  }

  #readStatus(): number {
    return this.#status | Status.Unlocked | ((this.#control & Control.System) !== 0 ? Status.System : 0);
  }

  /** A byte stays readable after it was read, as in the controller. */
  #takeOutput(): number {
    this.#status &= Status.Command;
    this.#updateLine();
    return this.#output;
  }

  #answer(byte: number, flags = 0): void {
    this.#output = byte;
    this.#status = (this.#status & Status.Command) | Status.OutputFull | flags;
  }

  #run(command: number): void {
    this.#status |= Status.Command;
    this.#command = withData.has(command) ? command : null;
    const answer = answers.get(command);
    if (answer !== undefined) this.#answer(answer);
    else if (command === 0x20) this.#answer(this.#control);
    else if (command === 0xa7) this.#control |= Control.AuxOff;
    else if (command === 0xa8) this.#control &= ~Control.AuxOff;
    else if (command === 0xad) this.#control |= Control.KeyboardOff;
    else if (command === 0xae) this.#control &= ~Control.KeyboardOff;
    // Pulses the lines of the output port whose bits are 0: the lowest is the processor's reset.
    else if (command >= 0xf0 && (command & 1) === 0) this.#isReset = true;
  }

  #writeData(byte: number): void {
    const command = this.#command;
    this.#command = null;
    this.#status &= ~Status.Command;
    if (command === null) this.#answer(noDevice, Status.Timeout);
    else if (command === Command.WriteControl) this.#control = byte;
    else if (command === Command.WriteOutputPort) this.#isReset ||= (byte & 1) === 0;
    else if (command === Command.LoopKeyboard) this.#answer(byte);
    // Without the flag of the second port: there is none.
    else if (command === Command.LoopAux) this.#answer(byte);
    else this.#answer(noDevice, Status.Aux | Status.Timeout);
  }

  #updateLine(): void {
    const hasByte = (this.#status & (Status.OutputFull | Status.Aux)) === Status.OutputFull;
    this.#line.set(hasByte && (this.#control & Control.KeyboardInterrupt) !== 0);
  }
}
