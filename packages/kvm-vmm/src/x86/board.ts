import { DebugExit } from '../devices/debug-exit.js';
import type { InterruptLine } from '../devices/interrupt-line.js';
import { Uart } from '../devices/uart/uart.js';
import type { Devices } from '../machine/devices.js';
import type { GuestRam } from '../memory/guest-ram.js';

export interface BoardOptions {
  /** `'pc'`: what Linux expects, with ACPI tables. `'bare'`: a serial port and the debug-exit port. */
  platform: 'pc' | 'bare';
  cpus: number;
  /** Gets the devices. */
  devices: Devices;
  ram: GuestRam;
  line(gsi: number): InterruptLine;
  /** Takes what the guest writes to its console. */
  output(bytes: Uint8Array): void;
  /** The guest polls its console for input, and there is none. */
  starved(times: number): void;
}

/** COM1's interrupt. */
const com1Gsi = 4;

/** The devices of the platform, in the thread of the devices. */
export class Board {
  readonly console: Uart;
  readonly #options: BoardOptions;

  constructor(options: BoardOptions) {
    this.#options = options;
    const { devices, line, output, starved } = options;
    // Without a buffer: the console's ring is one, and a guest with interrupts does not poll after its last byte.
    this.console = devices.add(new Uart({ output, outputBuffer: 1, starved, line: line(com1Gsi) }));
    devices.add(new DebugExit());
  }

  /** Writes the tables in which the guest finds the devices. */
  describe(): void {
    if (this.#options.platform === 'bare') return;
  }

  flush(): void {
    this.console.flush();
  }
}
