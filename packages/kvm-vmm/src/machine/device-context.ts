import type { InterruptLine } from '../devices/interrupt-line.js';
import type { GuestRam } from '../memory/guest-ram.js';

/** What the function `device` of a device's module gets. */
export interface DeviceContext<D = unknown> {
  /** A copy of `data` of the machine's options. */
  readonly data: D;
  /** The guest's memory. */
  readonly ram: GuestRam;
  /** The interrupt line with this number (GSI). It leads nowhere in a machine without interrupt controllers. */
  line(gsi: number): InterruptLine;
  /** Sends a message to `onMessage` of the machine's options. */
  post(message: unknown): void;
}
