import { u32 } from '@kvm/core/struct';
import type { PioDevice } from '../bus/pio-bus.js';

/** The port where kvm-cli's machine has it, and QEMU's by custom. */
export const debugExitPort = 0xf4;

/**
 * A port that ends the run: the low byte of what the guest writes is the status it ends with. Reads give all ones.
 */
export class DebugExit implements PioDevice {
  #status: number | undefined;

  /** What the guest has written, if it has. */
  get status(): number | undefined {
    return this.#status;
  }

  read(_offset: number, size: number): number {
    return size === 1 ? 0xff : size === 2 ? 0xffff : 0xffff_ffff;
  }

  /** The first write counts. */
  write(_offset: number, _size: number, value: number): void {
    this.#status ??= u32(value, 'what is written to a port') & 0xff;
  }
}
