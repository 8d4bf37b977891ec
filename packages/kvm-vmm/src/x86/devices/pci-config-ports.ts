import { optionsOf } from '@kvm/core/struct';
import { RegisterFile } from '../../bus/register-file.js';
import type { AccessSize } from '../../bus/registers.js';
import { bits } from '../../devices/check.js';
import { type BusRange, checkVersion, type Device } from '../../devices/device.js';
import type { Outcome } from '../../devices/outcome.js';
import type { PciBus } from '../../pci/bus.js';
import { ResetControl, type ResetControlState } from './reset-control.js';

/** Bits 24 to 30 of the address are reserved, and the lowest two select nothing. */
const addressBits = 0x80ff_fffc;
const Address = { Enable: 0x8000_0000, Bus: 0xff_0000, Function: 0xff00, Register: 0xfc } as const;
const functionShift = 8;
const dataOffset = 4;

export interface PciConfigPortsState {
  readonly version: 1;
  readonly address: number;
  readonly resetControl: ResetControlState;
}

/**
 * The ports 0xcf8 to 0xcff, by which a PC reaches the configuration spaces of a PCI bus: an address, and four bytes of
 * data. Other buses than 0 have no devices.
 *
 * The address register answers only accesses of 4 bytes. A byte at 0xcf9 among its ports is a `ResetControl`.
 *
 * PCI Local Bus 3.0, 3.2.2.3.2; Linux: arch/x86/pci/direct.c.
 */
export class PciConfigPorts implements Device {
  readonly name = 'pci-config';
  readonly ranges: readonly BusRange[] = [{ bus: 'pio', start: 0xcf8, length: 8 }];
  readonly #bus: PciBus;
  readonly #resetControl = new ResetControl();
  readonly #registers = new RegisterFile([
    {
      name: 'CONFIG_ADDRESS',
      offset: 0,
      size: 4,
      whole: true,
      read: () => this.#address,
      write: (value) => {
        this.#address = (value & addressBits) >>> 0;
      },
    },
    {
      name: 'reset control',
      offset: 1,
      size: 1,
      whole: true,
      read: () => this.#resetControl.read(),
      write: (value) => this.#resetControl.write(0, 1, value),
    },
  ]);
  #address = 0;

  constructor(bus: PciBus) {
    this.#bus = bus;
  }

  get outcome(): Outcome | undefined {
    return this.#resetControl.outcome;
  }

  read(offset: number, size: AccessSize): number {
    if (offset < dataOffset || !this.#selects) return this.#registers.read(offset, size);
    return this.#bus.readConfig(this.#function, this.#register(offset), size);
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (offset < dataOffset) this.#registers.write(offset, size, value);
    else if (this.#selects) this.#bus.writeConfig(this.#function, this.#register(offset), size, value);
  }

  save(): PciConfigPortsState {
    return { version: 1, address: this.#address, resetControl: this.#resetControl.save() };
  }

  load(state: PciConfigPortsState): void {
    const known = ['version', 'address', 'resetControl'] as const;
    const { address, resetControl } = optionsOf(state, 'the state of PciConfigPorts', known);
    checkVersion(state, 1, this.name);
    bits(address, addressBits, 'address');
    this.#resetControl.load(resetControl);
    this.#address = address;
  }

  /** Whether the address is one of bus 0. */
  get #selects(): boolean {
    return (this.#address & (Address.Enable | Address.Bus)) >>> 0 === Address.Enable;
  }

  get #function(): number {
    return (this.#address & Address.Function) >>> functionShift;
  }

  #register(offset: number): number {
    return (this.#address & Address.Register) + offset - dataOffset;
  }
}
