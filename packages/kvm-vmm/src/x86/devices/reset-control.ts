import { boolean, optionsOf } from '@kvm/core/struct';
import type { AccessSize } from '../../bus/registers.js';
import { bits } from '../../devices/check.js';
import { type BusRange, checkVersion, type Device } from '../../devices/device.js';
import type { Outcome } from '../../devices/outcome.js';

/** Bits of the register: the kind of reset, and the one that starts it. */
const Reset = { System: 0x02, Start: 0x04, Full: 0x08 } as const;
const kinds = Reset.System | Reset.Full;

export interface ResetControlState {
  readonly version: 1;
  readonly value: number;
  readonly isReset: boolean;
}

/**
 * The reset control register of Intel's chipsets, a byte at port 0xcf9: 0x06 or 0x0e reboots. With PCI its port is one
 * of `PciConfigPorts`, which has one of these.
 *
 * Linux: arch/x86/kernel/reboot.c.
 */
export class ResetControl implements Device {
  readonly name = 'reset-control';
  readonly ranges: readonly BusRange[] = [{ bus: 'pio', start: 0xcf9, length: 1 }];
  #value = 0;
  #isReset = false;

  get outcome(): Outcome | undefined {
    return this.#isReset ? { kind: 'reboot' } : undefined;
  }

  read(): number {
    return this.#value;
  }

  write(_offset: number, _size: AccessSize, value: number): void {
    this.#value = value & kinds;
    if ((value & Reset.Start) !== 0) this.#isReset = true;
  }

  save(): ResetControlState {
    return { version: 1, value: this.#value, isReset: this.#isReset };
  }

  load(state: ResetControlState): void {
    const { value, isReset } = optionsOf(state, 'the state of ResetControl', ['version', 'value', 'isReset']);
    checkVersion(state, 1, this.name);
    bits(value, kinds, 'value');
    this.#isReset = boolean(isReset, 'isReset');
    this.#value = value;
  }
}
