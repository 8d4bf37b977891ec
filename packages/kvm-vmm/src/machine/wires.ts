import type { EventFd, Vm } from '@kvm/core';
import type { EventLoop } from './event-loop.js';

/** The eventfds between the guest and the device thread, on which KVM passes doorbells and interrupts without exits. */
export class Wires {
  readonly #vm: Vm;
  readonly #loop: EventLoop;
  readonly #hasInterrupts: boolean;
  readonly #eventfds: EventFd[] = [];

  constructor(vm: Vm, loop: EventLoop, hasInterrupts: boolean) {
    this.#vm = vm;
    this.#loop = loop;
    this.#hasInterrupts = hasInterrupts;
  }

  /** Calls `rung` when the guest writes a value of 32 bits to an address, instead of an exit. */
  doorbell(address: bigint, value: number, rung: () => void): void {
    const eventfd = this.#eventfd();
    this.#vm.ioeventfd({ eventfd, addr: address, len: 4, datamatch: BigInt(value) });
    this.#loop.onDoorbell(eventfd, rung);
  }

  /** A function that interrupts the guest, by a rising edge. In a machine without interrupt controllers it does nothing. */
  edge(gsi: number): () => void {
    if (!this.#hasInterrupts) return () => {};
    const eventfd = this.#eventfd();
    this.#vm.irqfd({ eventfd, gsi });
    return () => eventfd.write();
  }

  close(): void {
    for (const eventfd of this.#eventfds) eventfd.close();
  }

  #eventfd(): EventFd {
    const eventfd = this.#vm.createEventFd();
    this.#eventfds.push(eventfd);
    return eventfd;
  }
}
