import { KvmError, type MsiRoute } from '@kvm/core';
import { integer, optionsOf } from '@kvm/core/struct';
import { RegisterFile } from '../../../bus/register-file.js';
import type { AccessSize } from '../../../bus/registers.js';
import { bits, checkFunction } from '../../../devices/check.js';
import { type BusRange, checkVersion, type Device } from '../../../devices/device.js';
import { messageOf, Redirection, type RedirectionEntry } from './redirection.js';

/** Where a PC's first I/O APIC is, the number of its pins, and its register for the end of an interrupt. */
export const ioApic = { address: 0xfec0_0000, pins: 24, eoi: 0xfec0_0040 } as const;

const rangeLength = 0x1000;
/** From 0x20 on there is an EOI register. */
const version = 0x20;
const idBits = 0x0f00_0000;

/** Offsets of the registers, and the numbers of those behind the window. */
const Offset = { Select: 0x00, Window: 0x10, Eoi: 0x40 } as const;
const Index = { Id: 0, Version: 1, Arbitration: 2, Redirections: 0x10 } as const;

export interface IoApicOptions {
  /** Takes the routes of the pins whenever one changes: `(routes) => vm.setGsiRouting(routes)`. */
  route(routes: readonly MsiRoute[]): void;
  /** Interrupts the guest by the route of a pin: `(pin) => vm.irqLine(pin, true)`. */
  raise(pin: number): void;
}

export interface IoApicState {
  readonly version: 1;
  readonly select: number;
  readonly id: number;
  /** A bit for each pin whose line is high. */
  readonly levels: number;
  /** The low and the high half of each entry of the redirection table, in turn. */
  readonly redirections: readonly number[];
}

/**
 * An I/O APIC for a VM whose local APICs alone are in the kernel (`vm.createSplitIrqChip`). It turns the lines of
 * devices into messages. A level-triggered interrupt is not sent again before its end was reported: that is
 * `ExitReason.IoapicEoi`, which belongs into `endOfInterrupt` or is written to the register `ioApic.eoi`.
 *
 * An edge on a masked pin is lost. The polarity of a pin can be set and has no effect: a line is high or low.
 *
 * Intel, 82093AA; the EOI register is that of Intel's later chipsets.
 */
export class IoApic implements Device {
  readonly name = 'ioapic';
  readonly ranges: readonly BusRange[] = [{ bus: 'mmio', start: BigInt(ioApic.address), length: BigInt(rangeLength) }];
  readonly #options: IoApicOptions;
  readonly #registers = new RegisterFile([
    {
      name: 'IOREGSEL',
      offset: Offset.Select,
      size: 4,
      read: () => this.#select,
      write: (value) => {
        this.#select = value & 0xff;
      },
    },
    {
      name: 'IOWIN',
      offset: Offset.Window,
      size: 4,
      read: () => this.#readSelected(),
      write: (value, mask) => this.#writeSelected(value, mask),
    },
    { name: 'EOI', offset: Offset.Eoi, size: 4, write: (value) => this.endOfInterrupt(value & 0xff) },
  ]);
  #entries: RedirectionEntry[] = Array.from({ length: ioApic.pins }, () => ({ low: Redirection.Masked, high: 0 }));
  #select = 0;
  #id = 0;
  #levels = 0;

  constructor(options: IoApicOptions) {
    const { route, raise } = optionsOf(options, 'the options of an IoApic', ['route', 'raise']);
    checkFunction(route, 'route');
    checkFunction(raise, 'raise');
    this.#options = options;
  }

  /**
   * Sets the level of the line of a pin: `new InterruptLine((level) => ioApic.setLine(4, level))`.
   *
   * @throws KvmError `ERR_KVM_OUT_OF_RANGE` for a pin that is not there.
   */
  setLine(pin: number, level: boolean): void {
    const bit = 1 << integer(pin, 0, ioApic.pins - 1, 'the pin of an I/O APIC');
    const wasHigh = (this.#levels & bit) !== 0;
    this.#levels = level ? this.#levels | bit : this.#levels & ~bit;
    if (!level || wasHigh) return;
    const { low } = this.#entries[pin] as RedirectionEntry;
    if ((low & Redirection.Level) !== 0) this.#serveLevel(pin);
    else if ((low & Redirection.Masked) === 0) this.#options.raise(pin);
  }

  /** The guest has ended a level-triggered interrupt. What is still wanted is sent again. */
  endOfInterrupt(vector: number): void {
    for (let pin = 0; pin < ioApic.pins; pin++) {
      const entry = this.#entries[pin] as RedirectionEntry;
      if ((entry.low & Redirection.RemoteIrr) === 0 || (entry.low & Redirection.Vector) !== vector) continue;
      entry.low &= ~Redirection.RemoteIrr;
      this.#serveLevel(pin);
    }
  }

  read(offset: number, size: AccessSize): number {
    return this.#registers.read(offset, size);
  }

  write(offset: number, size: AccessSize, value: number): void {
    this.#registers.write(offset, size, value);
  }

  save(): IoApicState {
    const redirections = this.#entries.flatMap(({ low, high }) => [low, high]);
    return { version: 1, select: this.#select, id: this.#id, levels: this.#levels, redirections };
  }

  load(state: IoApicState): void {
    const known = ['version', 'select', 'id', 'levels', 'redirections'] as const;
    const { select, id, levels, redirections } = optionsOf(state, 'the state of an IoApic', known);
    checkVersion(state, 1, this.name);
    integer(select, 0, 0xff, 'select');
    bits(id, idBits, 'id');
    integer(levels, 0, 2 ** ioApic.pins - 1, 'levels');
    if (!Array.isArray(redirections) || redirections.length !== 2 * ioApic.pins) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `redirections must be ${2 * ioApic.pins} numbers`);
    }
    this.#entries = this.#entries.map((_, pin) => entryOf(redirections[2 * pin], redirections[2 * pin + 1]));
    this.#select = select;
    this.#id = id;
    this.#levels = levels;
    this.#route();
  }

  #readSelected(): number {
    const entry = this.#entries[(this.#select - Index.Redirections) >> 1];
    if (entry !== undefined) return this.#select % 2 === 0 ? entry.low : entry.high;
    if (this.#select === Index.Version) return ((ioApic.pins - 1) << 16) | version;
    return this.#select === Index.Id || this.#select === Index.Arbitration ? this.#id : 0;
  }

  #writeSelected(value: number, mask: number): void {
    const pin = (this.#select - Index.Redirections) >> 1;
    const entry = this.#entries[pin];
    if (entry === undefined) {
      if (this.#select === Index.Id) this.#id = merge(this.#id, value, mask & idBits);
      return;
    }
    const { low, high } = entry;
    if (this.#select % 2 === 0) entry.low = merge(low, value, mask & Redirection.Writable);
    else entry.high = merge(high, value, mask & Redirection.Destination);
    // Guests clear the remote IRR by making a pin edge-triggered for a moment.
    if ((entry.low & Redirection.Level) === 0) entry.low &= ~Redirection.RemoteIrr;
    if (entry.low === low && entry.high === high) return;
    if (isRouted(entry) || isRouted({ low, high })) this.#route();
    this.#serveLevel(pin);
  }

  /** Sends a level-triggered interrupt if the line wants it. */
  #serveLevel(pin: number): void {
    const entry = this.#entries[pin] as RedirectionEntry;
    const isHigh = (this.#levels & (1 << pin)) !== 0;
    const { Level, Masked, RemoteIrr } = Redirection;
    if (!isHigh || (entry.low & (Level | Masked | RemoteIrr)) !== Level) return;
    entry.low |= RemoteIrr;
    this.#options.raise(pin);
  }

  #route(): void {
    this.#options.route(
      this.#entries.flatMap((entry, gsi) => (isRouted(entry) ? [{ gsi, msi: messageOf(entry) }] : [])),
    );
  }
}

/**
 * Whether KVM has a route for a pin. That of a masked level-triggered pin remains, for KVM reports the end of those
 * interrupts only that have one.
 */
function isRouted({ low }: RedirectionEntry): boolean {
  return (low & Redirection.Masked) === 0 || (low & Redirection.Level) !== 0;
}

function merge(old: number, value: number, mask: number): number {
  return ((old & ~mask) | (value & mask)) >>> 0;
}

/** An entry of a saved state. */
function entryOf(low: number, high: number): RedirectionEntry {
  bits(low, Redirection.Writable | Redirection.RemoteIrr, 'the low half of a redirection');
  const isLevel = (low & Redirection.Level) !== 0;
  if (!isLevel) bits(low, Redirection.Writable, 'the low half of an edge-triggered redirection');
  // The bits are the highest, where a comparison of signed numbers would fail.
  integer(high, 0, 0xffff_ffff, 'the high half of a redirection');
  bits(high % 0x100_0000, 0, 'the low bits of the high half of a redirection');
  return { low, high };
}
