import { boolean, optionsOf } from '@kvm/core/struct';
import { RegisterFile } from '../../bus/register-file.js';
import type { AccessSize } from '../../bus/registers.js';
import { bits } from '../../devices/check.js';
import { type BusRange, checkVersion, type Device } from '../../devices/device.js';
import type { Outcome } from '../../devices/outcome.js';

/** Bits of the reset control register: the kind of reset, and the one that starts it. */
const Reset = { System: 0x02, Start: 0x04, Full: 0x08 } as const;
const resetBits = Reset.System | Reset.Full;

/** Bits 24 to 30 of the address are reserved, and the lowest two select nothing. */
const addressBits = 0x80ff_fffc;

export interface PciConfigPortsState {
  readonly version: 1;
  readonly address: number;
  readonly resetControl: number;
  readonly isReset: boolean;
}

/**
 * The configuration ports of PCI without a PCI bus behind them. The address can be read back, as a guest that looks for
 * the mechanism expects, and every configuration register is all ones: there is no device.
 *
 * The address register answers only accesses of 4 bytes. A byte written to 0xcf9 among its ports is the reset control
 * of Intel's chipsets: 0x06 or 0x0e reboots.
 *
 * PCI Local Bus 3.0, 3.2.2.3.2; Linux: arch/x86/pci/direct.c, arch/x86/kernel/reboot.c.
 */
export class PciConfigPorts implements Device {
  readonly name = 'pci-config';
  readonly ranges: readonly BusRange[] = [{ bus: 'pio', start: 0xcf8, length: 8 }];
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
      read: () => this.#resetControl,
      write: (value) => this.#reset(value),
    },
  ]);
  #address = 0;
  #resetControl = 0;
  #isReset = false;

  get outcome(): Outcome | undefined {
    return this.#isReset ? { kind: 'reboot' } : undefined;
  }

  read(offset: number, size: AccessSize): number {
    return this.#registers.read(offset, size);
  }

  write(offset: number, size: AccessSize, value: number): void {
    this.#registers.write(offset, size, value);
  }

  save(): PciConfigPortsState {
    return { version: 1, address: this.#address, resetControl: this.#resetControl, isReset: this.#isReset };
  }

  load(state: PciConfigPortsState): void {
    const known = ['version', 'address', 'resetControl', 'isReset'] as const;
    const { address, resetControl, isReset } = optionsOf(state, 'the state of PciConfigPorts', known);
    checkVersion(state, 1, this.name);
    bits(address, addressBits, 'address');
    bits(resetControl, resetBits, 'resetControl');
    this.#isReset = boolean(isReset, 'isReset');
    this.#address = address;
    this.#resetControl = resetControl;
  }

  #reset(value: number): void {
    this.#resetControl = value & resetBits;
    if ((value & Reset.Start) !== 0) this.#isReset = true;
  }
}
