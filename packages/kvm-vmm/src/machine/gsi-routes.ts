import type { GsiRoute, MsiMessage } from '@kvm/core';

/**
 * The routes of a machine's interrupts. The kernel takes them all at once: those of the pins of its interrupt
 * controllers, and those of messages, each of which has a GSI of its own.
 */
export class GsiRoutes {
  readonly #set: (routes: readonly GsiRoute[]) => void;
  readonly #messages = new Map<number, GsiRoute>();
  #pins: readonly GsiRoute[];
  #next: number;

  /**
   * @param set takes all routes: `(routes) => vm.setGsiRouting(routes)`.
   * @param pins the routes of the pins as they are now.
   * @param first the first GSI that is not a pin's.
   */
  constructor(set: (routes: readonly GsiRoute[]) => void, pins: readonly GsiRoute[], first: number) {
    this.#set = set;
    this.#pins = pins;
    this.#next = first;
  }

  set pins(routes: readonly GsiRoute[]) {
    this.#pins = routes;
    this.#update();
  }

  /** A GSI for a message. */
  allocate(): number {
    return this.#next++;
  }

  setMessage(gsi: number, msi: MsiMessage): void {
    this.#messages.set(gsi, { gsi, msi });
    this.#update();
  }

  #update(): void {
    this.#set([...this.#pins, ...this.#messages.values()]);
  }
}
