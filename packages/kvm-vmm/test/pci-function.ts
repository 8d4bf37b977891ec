import { InterruptLine } from '../src/devices/interrupt-line.js';
import type { BarOptions } from '../src/pci/bar.js';
import type { PciFunction } from '../src/pci/bus.js';
import { type Capability, Header } from '../src/pci/header.js';
import type { Message, MessageInterrupt } from '../src/pci/message-interrupt.js';

/** A function for tests: each BAR holds a byte, and where it answers is recorded. */
export class TestFunction implements PciFunction {
  readonly ranges = [];
  readonly header: Header;
  readonly name: string;
  readonly levels: boolean[] = [];
  /** The addresses of the BARs as the bus has told them. */
  readonly places: (number | undefined)[] = [];
  readonly #bytes: number[] = [];

  constructor(name: string, bars: readonly BarOptions[], capabilities: readonly Capability[] = []) {
    this.name = name;
    const line = new InterruptLine((level) => this.levels.push(level));
    this.header = new Header({ vendor: 0x1234, device: 0x5678, class: 0xff_0000, bars, capabilities, line });
  }

  mapped(bar: number, address: number | undefined): void {
    this.places[bar] = address;
  }

  read(_offset: number, _size: number, bar: number): number {
    return this.#bytes[bar] ?? 0;
  }

  write(_offset: number, _size: number, value: number, bar: number): void {
    this.#bytes[bar] = value & 0xff;
  }

  save() {
    return { version: 1, config: this.header.save() };
  }

  load({ config }: ReturnType<TestFunction['save']>): void {
    this.header.load(config);
  }
}

/** A message interrupt for tests: what reaches the guest is recorded. */
export class TestInterrupt implements MessageInterrupt {
  readonly sent: Message[] = [];
  message: Message | undefined;
  isPending = false;

  route(message: Message | undefined): void {
    this.message = message;
    if (message !== undefined && this.isPending) this.signal();
  }

  signal(): void {
    this.isPending = this.message === undefined;
    if (this.message !== undefined) this.sent.push(this.message);
  }

  clear(): void {
    this.isPending = false;
  }
}
