import { KvmError } from '@kvm/core';
import { boolean, integer, optionsOf } from '@kvm/core/struct';
import { RegisterFile } from '../../bus/register-file.js';
import type { AccessSize } from '../../bus/registers.js';
import { checkFunction, checkLine } from '../check.js';
import { type BusRange, checkVersion, type Device } from '../device.js';
import { InterruptLine } from '../interrupt-line.js';
import { ByteFifo, fifoDepth } from './byte-fifo.js';
import { Modem } from './modem.js';
import { Fcr, Ier, Iir, Lcr, Lsr, Mcr, Register, triggerLevels } from './registers.js';

/** COM1 of a PC: 8 ports, the first of which is 0x3f8. Its interrupt line is ISA IRQ 4. */
export const com1: BusRange = { bus: 'pio', start: 0x3f8, length: 8 };

const newline = 0x0a;

/** Bytes. */
const largestBuffer = 2 ** 24;

export interface UartOptions {
  /** 'com1'. */
  name?: string;
  /** Where it answers: 8 ports or addresses; `com1`. */
  range?: BusRange;
  /**
   * Takes what the guest has sent. The bytes are the device's own buffer: copy what must last longer than the call.
   *
   * Output is passed on at the end of a line, when the buffer is full, when the guest waits for input, and by `flush`.
   */
  output: (bytes: Uint8Array) => void;
  /** Bytes of the output buffer; 256. With 1, each byte is passed on at once. */
  outputBuffer?: number;
  /**
   * Called when the guest polls for input and there is none: the time to `push` some. `times` counts how often it has
   * done so in a row without another access to the device: a guest that waits can be put to sleep.
   */
  starved?: (times: number) => void;
  /** The interrupt line; without one, the guest polls. */
  line?: InterruptLine;
}

/** What `save` returns: registers by their names in the data sheet, and what they do not show. */
export interface UartState {
  readonly version: 1;
  readonly ier: number;
  readonly fcr: number;
  readonly lcr: number;
  readonly mcr: number;
  readonly msr: number;
  readonly scr: number;
  readonly divisor: number;
  /** Bytes that the guest has not read yet, oldest first. */
  readonly received: readonly number[];
  /** A received byte was lost. */
  readonly overrun: boolean;
  /** The transmitter has become empty, and the guest has not seen that interrupt yet. */
  readonly emptied: boolean;
}

/**
 * A 16550 serial port, for guests that poll and for guests that use interrupts. Transmission takes no time: the
 * transmitter is always empty. There are no line errors except an overrun in loopback. An access of 2 or 4 bytes
 * accesses as many registers.
 */
export class Uart implements Device {
  readonly name: string;
  readonly ranges: readonly BusRange[];
  readonly #send: (bytes: Uint8Array) => void;
  readonly #starved: (times: number) => void;
  readonly #line: InterruptLine;
  readonly #output: Uint8Array;
  #outputLength = 0;
  readonly #received = new ByteFifo();
  readonly #modem = new Modem();
  /** With DLAB set, the divisor replaces the first two registers. */
  readonly #registers = new RegisterFile([
    {
      name: 'RBR, THR, DLL',
      offset: Register.Data,
      size: 1,
      read: () => (this.#dlab ? this.#divisor & 0xff : this.#take()),
      write: (byte) => {
        if (this.#dlab) this.#divisor = (this.#divisor & 0xff00) | byte;
        else this.#transmit(byte);
      },
    },
    {
      name: 'IER, DLM',
      offset: Register.Ier,
      size: 1,
      read: () => (this.#dlab ? this.#divisor >>> 8 : this.#enabled),
      write: (value) => {
        if (this.#dlab) this.#divisor = (value << 8) | (this.#divisor & 0xff);
        else this.#enable(value & 0x0f);
      },
    },
    { name: 'IIR', offset: Register.Iir, size: 1, read: () => this.#takeInterruptId() },
    { name: 'FCR', offset: Register.Fcr, size: 1, write: (value) => this.#controlFifos(value) },
    {
      name: 'LCR',
      offset: Register.Lcr,
      size: 1,
      read: () => this.#lineControl,
      write: (value) => {
        this.#lineControl = value;
      },
    },
    {
      name: 'MCR',
      offset: Register.Mcr,
      size: 1,
      read: () => this.#modem.control,
      write: (value) => this.#modem.setControl(value),
    },
    { name: 'LSR', offset: Register.Lsr, size: 1, read: () => this.#takeLineStatus() },
    { name: 'MSR', offset: Register.Msr, size: 1, read: () => this.#modem.takeStatus() },
    {
      name: 'SCR',
      offset: Register.Scr,
      size: 1,
      read: () => this.#scratch,
      write: (value) => {
        this.#scratch = value;
      },
    },
  ]);
  #enabled = 0;
  #fifoControl = 0;
  #lineControl = 0;
  #scratch = 0;
  #divisor = 0x0c;
  #overrun = false;
  /** The transmitter has become empty, and the guest has not seen that interrupt yet. */
  #emptied = false;
  #isRead = false;
  #starvedTimes = 0;

  constructor(options: UartOptions) {
    const known = ['name', 'range', 'output', 'outputBuffer', 'starved', 'line'] as const;
    const {
      name = 'com1',
      range = com1,
      output,
      outputBuffer = 256,
      starved = ignore,
      line = new InterruptLine(),
    } = optionsOf(options, 'the options of a Uart', known);
    checkFunction(output, 'output');
    checkFunction(starved, 'starved');
    checkLine(line);
    integer(outputBuffer, 1, largestBuffer, 'the size of the output buffer, in bytes,');
    this.name = name;
    this.ranges = [range];
    this.#send = output;
    this.#starved = starved;
    this.#line = line;
    this.#output = new Uint8Array(outputBuffer);
  }

  /** How many bytes `push` accepts now. */
  get room(): number {
    // In loopback the receiver is disconnected from the outside.
    return this.#modem.loopback ? 0 : this.#capacity - this.#received.length;
  }

  /**
   * Whether the guest has asked for an interrupt when there is input, and has let interrupts out: OUT2 is their gate on
   * a PC. Before, a driver tries the registers out, and drops what it finds.
   */
  get expectsInput(): boolean {
    return (this.#enabled & Ier.Received) !== 0 && (this.#modem.control & Mcr.Out2) !== 0 && !this.#modem.loopback;
  }

  /** Whether the guest has read a byte that it received. */
  get isRead(): boolean {
    return this.#isRead;
  }

  /** Receives bytes for the guest to read. Returns how many were accepted: the rest does not fit yet. */
  push(bytes: Uint8Array): number {
    if (!(bytes instanceof Uint8Array)) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'push takes a Uint8Array');
    const accepted = Math.max(0, Math.min(this.room, bytes.length));
    for (let i = 0; i < accepted; i++) this.#received.push(bytes[i] as number);
    this.#updateLine();
    return accepted;
  }

  /** Passes buffered output on. */
  flush(): void {
    const length = this.#outputLength;
    if (length === 0) return;
    this.#outputLength = 0;
    this.#send(length === this.#output.length ? this.#output : this.#output.subarray(0, length));
  }

  read(offset: number, size: AccessSize): number {
    const isPoll = size === 1 && (offset === Register.Lsr || offset === Register.Iir);
    if (!isPoll) this.#starvedTimes = 0;
    const value = this.#registers.read(offset, size);
    this.#updateLine();
    return value;
  }

  write(offset: number, size: AccessSize, value: number): void {
    this.#starvedTimes = 0;
    this.#registers.write(offset, size, value);
    this.#updateLine();
  }

  /** The state; buffered output is passed on first. */
  save(): UartState {
    this.flush();
    return {
      version: 1,
      ier: this.#enabled,
      fcr: this.#fifoControl,
      lcr: this.#lineControl,
      mcr: this.#modem.control,
      msr: this.#modem.status,
      scr: this.#scratch,
      divisor: this.#divisor,
      received: this.#received.toArray(),
      overrun: this.#overrun,
      emptied: this.#emptied,
    };
  }

  load(state: UartState): void {
    const { ier, fcr, lcr, mcr, msr, scr, divisor, received, overrun, emptied } = optionsOf(
      state,
      'the state of a Uart',
      ['version', 'ier', 'fcr', 'lcr', 'mcr', 'msr', 'scr', 'divisor', 'received', 'overrun', 'emptied'],
    );
    checkVersion(state, 1, this.name);
    for (const [what, value] of Object.entries({ fcr, lcr, msr, scr })) integer(value, 0, 0xff, what);
    integer(ier, 0, 0x0f, 'ier');
    integer(mcr, 0, Mcr.All, 'mcr');
    integer(divisor, 0, 0xffff, 'divisor');
    boolean(overrun, 'overrun');
    boolean(emptied, 'emptied');
    if (!Array.isArray(received)) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'received must be an array of bytes');
    integer(received.length, 0, capacityOf(fcr), 'the length of received');
    for (const byte of received) integer(byte, 0, 0xff, 'a received byte');
    this.#enabled = ier;
    this.#fifoControl = fcr;
    this.#lineControl = lcr;
    this.#modem.load(mcr, msr);
    this.#scratch = scr;
    this.#divisor = divisor;
    this.#received.clear();
    for (const byte of received) this.#received.push(byte);
    this.#overrun = overrun;
    this.#emptied = emptied;
    this.#starvedTimes = 0;
    this.#outputLength = 0;
    this.#updateLine();
  }

  get #capacity(): number {
    return capacityOf(this.#fifoControl);
  }

  get #dlab(): boolean {
    return (this.#lineControl & Lcr.Dlab) !== 0;
  }

  #take(): number {
    if (this.#received.length > 0) this.#isRead = true;
    return this.#received.shift();
  }

  #transmit(byte: number): void {
    this.#emptied = true;
    if (this.#modem.loopback) {
      this.#loop(byte);
      return;
    }
    this.#output[this.#outputLength++] = byte;
    if (byte === newline || this.#outputLength === this.#output.length) this.flush();
  }

  /** Receives a byte of its own. One too many is lost or, without FIFOs, replaces the one before. */
  #loop(byte: number): void {
    if (this.#received.length >= this.#capacity) {
      this.#overrun = true;
      if (this.#capacity > 1) return;
      this.#received.clear();
    }
    this.#received.push(byte);
  }

  #enable(sources: number): void {
    // The transmitter is empty: enabling its interrupt raises it.
    if ((sources & ~this.#enabled & Ier.TransmitterEmpty) !== 0) this.#emptied = true;
    this.#enabled = sources;
  }

  #controlFifos(value: number): void {
    const enabled = (value & Fcr.Enable) !== 0;
    const changed = enabled !== ((this.#fifoControl & Fcr.Enable) !== 0);
    if (changed || (enabled && (value & Fcr.ClearReceiver) !== 0)) this.#received.clear();
    this.#fifoControl = value & (Fcr.Enable | Fcr.Trigger);
  }

  get #trigger(): number {
    return this.#capacity > 1 ? (triggerLevels[this.#fifoControl >>> 6] as number) : 1;
  }

  #pollInput(): void {
    if (this.#received.length > 0 || this.#modem.loopback) {
      this.#starvedTimes = 0;
      return;
    }
    const times = ++this.#starvedTimes;
    // A polling guest reads the status once before each byte that it sends. Twice in a row means that it waits.
    if (times > 1) this.flush();
    this.#starved(times);
  }

  #takeLineStatus(): number {
    this.#pollInput();
    let status = Lsr.TransmitterHoldingEmpty | Lsr.TransmitterEmpty;
    if (this.#received.length > 0) status |= Lsr.DataReady;
    if (this.#overrun) status |= Lsr.Overrun;
    this.#overrun = false;
    return status;
  }

  #takeInterruptId(): number {
    this.#pollInput();
    const id = this.#interruptId();
    if (id === Iir.TransmitterEmpty) this.#emptied = false;
    return this.#capacity > 1 ? id | Iir.FifosEnabled : id;
  }

  #interruptId(): number {
    const enabled = this.#enabled;
    if ((enabled & Ier.LineStatus) !== 0 && this.#overrun) return Iir.LineStatus;
    if ((enabled & Ier.Received) !== 0 && this.#received.length > 0) {
      return this.#received.length >= this.#trigger ? Iir.Received : Iir.CharacterTimeout;
    }
    if ((enabled & Ier.TransmitterEmpty) !== 0 && this.#emptied) return Iir.TransmitterEmpty;
    if ((enabled & Ier.ModemStatus) !== 0 && this.#modem.changed) return Iir.ModemStatus;
    return Iir.None;
  }

  #updateLine(): void {
    this.#line.set(this.#interruptId() !== Iir.None);
  }
}

/** How many received bytes it holds. */
function capacityOf(fifoControl: number): number {
  return (fifoControl & Fcr.Enable) !== 0 ? fifoDepth : 1;
}

function ignore(): void {}
