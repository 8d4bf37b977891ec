import { KvmError } from '@kvm/core';
import { integer, optionsOf, u32 } from '@kvm/core/struct';
import type { PioDevice } from '../../bus/pio-bus.js';
import { ByteFifo, fifoDepth } from './byte-fifo.js';
import { Modem } from './modem.js';
import { Fcr, Ier, Iir, Lcr, Lsr, Register, triggerLevels } from './registers.js';

/** Ports a 16550 takes. */
export const uartPorts = 8;
/** The first port of COM1. */
export const com1 = 0x3f8;

const newline = 0x0a;

/** Bytes: more than any terminal is behind. */
const longestBuffer = 2 ** 24;

export interface UartOptions {
  /**
   * Takes what the guest has sent. The bytes are the device's own buffer: copy what is to last longer than the call.
   *
   * A chunk is complete at the end of a line, when the buffer is full, when the guest waits for input, and at `flush`.
   */
  output: (bytes: Uint8Array) => void;
  /** Bytes of the output's buffer; 256. With 1, each byte is given out at once. */
  outputBuffer?: number;
  /**
   * Called when the guest looks for input and there is none: the time to `push` some. `times` says how often it has done so in a
   * row without doing anything else with the device: a guest that waits can be made to wait.
   */
  starved?: (times: number) => void;
  /** Called with the new level of the interrupt line when that changes. */
  interrupt?: (level: boolean) => void;
}

/**
 * A 16550 serial port, as a guest sees it that polls or that uses interrupts. Transmission takes no time, so the transmitter is
 * always empty; there are no line errors but an overrun in loopback. An access of 2 or 4 bytes is one to as many registers.
 */
export class Uart implements PioDevice {
  readonly #calls: Required<Omit<UartOptions, 'outputBuffer'>>;
  readonly #output: Uint8Array;
  #outputLength = 0;
  readonly #received = new ByteFifo();
  readonly #modem = new Modem();
  #enabled = 0;
  #lineControl = 0;
  #scratch = 0;
  #divisorLow = 0x0c;
  #divisorHigh = 0;
  #fifos = false;
  #trigger = 1;
  #overrun = false;
  /** The transmitter has become empty, and the guest has not been told. */
  #emptied = false;
  #starvedTimes = 0;
  #line = false;

  constructor(options: UartOptions) {
    const known = ['output', 'outputBuffer', 'starved', 'interrupt'] as const;
    const {
      output,
      outputBuffer = 256,
      starved = ignore,
      interrupt = ignore,
    } = optionsOf(options, 'the options of a Uart', known);
    for (const [name, call] of Object.entries({ output, starved, interrupt })) {
      if (typeof call !== 'function') throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${name} must be a function`);
    }
    integer(outputBuffer, 1, longestBuffer, "the length of the output's buffer, in bytes,");
    this.#calls = { output, starved, interrupt };
    this.#output = new Uint8Array(outputBuffer);
  }

  /** How many bytes `push` takes now. */
  get room(): number {
    // The outside is not heard in loopback.
    return this.#modem.loopback ? 0 : (this.#fifos ? fifoDepth : 1) - this.#received.length;
  }

  /** Bytes from the outside, for the guest to read. Gives how many were taken: the rest does not fit yet. */
  push(bytes: Uint8Array): number {
    if (!(bytes instanceof Uint8Array)) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'push takes a Uint8Array');
    const taken = Math.max(0, Math.min(this.room, bytes.length));
    for (let i = 0; i < taken; i++) this.#received.push(bytes[i] as number);
    this.#updateLine();
    return taken;
  }

  /** Gives out what the guest has sent so far. */
  flush(): void {
    const length = this.#outputLength;
    if (length === 0) return;
    this.#outputLength = 0;
    this.#calls.output(length === this.#output.length ? this.#output : this.#output.subarray(0, length));
  }

  /** The level of the interrupt line. */
  get interruptLine(): boolean {
    return this.#line;
  }

  read(offset: number, size: number): number {
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = value * 256 + this.#readRegister(offset + i);
    this.#updateLine();
    return value;
  }

  write(offset: number, size: number, value: number): void {
    u32(value, 'what is written to a port');
    for (let i = 0; i < size; i++) this.#writeRegister(offset + i, (value >>> (8 * i)) & 0xff);
    this.#updateLine();
  }

  get #dlab(): boolean {
    return (this.#lineControl & Lcr.Dlab) !== 0;
  }

  #readRegister(register: number): number {
    const times = this.#starvedTimes;
    if (register !== Register.Lsr && register !== Register.Iir) this.#starvedTimes = 0;
    switch (register) {
      case Register.Data:
        return this.#dlab ? this.#divisorLow : this.#received.shift();
      case Register.Ier:
        return this.#dlab ? this.#divisorHigh : this.#enabled;
      case Register.Iir:
        this.#lookForInput(times);
        return this.#takeInterruptId();
      case Register.Lcr:
        return this.#lineControl;
      case Register.Mcr:
        return this.#modem.control;
      case Register.Lsr:
        this.#lookForInput(times);
        return this.#takeLineStatus();
      case Register.Msr:
        return this.#modem.takeStatus();
      case Register.Scr:
        return this.#scratch;
      default:
        return 0xff;
    }
  }

  #writeRegister(register: number, value: number): void {
    this.#starvedTimes = 0;
    switch (register) {
      case Register.Data:
        if (this.#dlab) this.#divisorLow = value;
        else this.#send(value);
        break;
      case Register.Ier:
        if (this.#dlab) this.#divisorHigh = value;
        else this.#enable(value & 0x0f);
        break;
      case Register.Fcr:
        this.#controlFifos(value);
        break;
      case Register.Lcr:
        this.#lineControl = value;
        break;
      case Register.Mcr:
        this.#modem.setControl(value);
        break;
      case Register.Scr:
        this.#scratch = value;
        break;
      // The status registers cannot be written.
    }
  }

  #send(byte: number): void {
    this.#emptied = true;
    if (this.#modem.loopback) {
      this.#loop(byte);
      return;
    }
    this.#output[this.#outputLength++] = byte;
    if (byte === newline || this.#outputLength === this.#output.length) this.flush();
  }

  /** A byte to itself. One too many is lost or, without FIFOs, takes the place of the one before. */
  #loop(byte: number): void {
    if (this.#received.length >= (this.#fifos ? fifoDepth : 1)) {
      this.#overrun = true;
      if (this.#fifos) return;
      this.#received.clear();
    }
    this.#received.push(byte);
  }

  #enable(sources: number): void {
    // The transmitter is empty now, which to a guest that begins to listen is news.
    if ((sources & ~this.#enabled & Ier.TransmitterEmpty) !== 0) this.#emptied = true;
    this.#enabled = sources;
  }

  #controlFifos(value: number): void {
    const fifos = (value & Fcr.Enable) !== 0;
    if (fifos !== this.#fifos || (fifos && (value & Fcr.ClearReceiver) !== 0)) this.#received.clear();
    this.#fifos = fifos;
    this.#trigger = fifos ? (triggerLevels[value >>> 6] as number) : 1;
  }

  #lookForInput(times: number): void {
    if (this.#received.length > 0 || this.#modem.loopback) {
      this.#starvedTimes = 0;
      return;
    }
    this.#starvedTimes = times + 1;
    // One look without input comes before each byte that a polling guest sends; two in a row are a wait.
    if (times > 0) this.flush();
    this.#calls.starved(this.#starvedTimes);
  }

  #takeLineStatus(): number {
    let status = Lsr.TransmitterHoldingEmpty | Lsr.TransmitterEmpty;
    if (this.#received.length > 0) status |= Lsr.DataReady;
    if (this.#overrun) status |= Lsr.Overrun;
    this.#overrun = false;
    return status;
  }

  #takeInterruptId(): number {
    const id = this.#interruptId();
    if (id === Iir.TransmitterEmpty) this.#emptied = false;
    return this.#fifos ? id | Iir.FifosEnabled : id;
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
    const level = this.#interruptId() !== Iir.None;
    if (level === this.#line) return;
    this.#line = level;
    this.#calls.interrupt(level);
  }
}

function ignore(): void {}
