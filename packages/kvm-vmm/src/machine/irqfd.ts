import { type EventFd, IrqfdFlag, type Vm } from '@kvm/core';
import type { Message, MessageInterrupt } from '../pci/message-interrupt.js';
import type { GsiRoutes } from './gsi-routes.js';

export interface IrqfdOptions {
  readonly vm: Pick<Vm, 'irqfd'>;
  /** What signals it. A thread or the kernel may write to it, too. */
  readonly eventfd: EventFd;
  readonly routes: GsiRoutes;
  /** Whether a message to an address is an interrupt on this architecture; others lead nowhere. */
  isInterrupt(address: bigint): boolean;
}

/**
 * A message interrupt that an eventfd carries to the guest, without an exit and without this thread. While it has no
 * message the eventfd leads nowhere, and its counter says whether a signal waits. The kernel delivers that as soon as
 * the eventfd is connected again.
 */
export class Irqfd implements MessageInterrupt {
  readonly #options: IrqfdOptions;
  readonly #gsi: number;
  /** The message of the route, also while the eventfd is not connected. */
  #routed: Message | undefined;
  #isConnected = false;

  constructor(options: IrqfdOptions) {
    this.#options = options;
    this.#gsi = options.routes.allocate();
  }

  get isPending(): boolean {
    // KVM delivers what has waited when it connects the eventfd, and leaves the counter.
    return !this.#isConnected && this.#options.eventfd.wait(0);
  }

  route(message: Message | undefined): void {
    const { routes, isInterrupt } = this.#options;
    const leads = message !== undefined && isInterrupt(message.address);
    if (leads && (message.address !== this.#routed?.address || message.data !== this.#routed.data)) {
      routes.setMessage(this.#gsi, message);
      this.#routed = message;
    }
    if (leads !== this.#isConnected) this.#connect(leads);
  }

  signal(): void {
    this.#options.eventfd.write();
  }

  clear(): void {
    this.#options.eventfd.read();
  }

  #connect(isConnected: boolean): void {
    const { vm, eventfd } = this.#options;
    this.#isConnected = isConnected;
    vm.irqfd({ eventfd, gsi: this.#gsi, flags: isConnected ? 0 : IrqfdFlag.Deassign });
  }
}
