import type { EventFd, Vm } from '@kvm/core';
import type { InterruptLine } from '../devices/interrupt-line.js';
import type { BoardModel } from '../x86/board-model.js';
import type { EventLoop } from './event-loop.js';

/** The eventfds between the guest and the device thread, on which KVM passes doorbells and interrupts without exits. */
export class Wires {
  readonly #vm: Vm;
  readonly #loop: EventLoop;
  readonly #interrupts: BoardModel['interrupts'];
  readonly #eventfds: EventFd[] = [];

  constructor(vm: Vm, loop: EventLoop, { interrupts }: BoardModel) {
    this.#vm = vm;
    this.#loop = loop;
    this.#interrupts = interrupts;
  }

  /**
   * Calls `rung` when the guest writes a value of 32 bits to an address, instead of an exit. Returns a function that
   * rings, too: `rung` is called after other things of the thread.
   */
  doorbell(address: bigint, value: number, rung: () => void): () => void {
    const eventfd = this.#eventfd();
    this.#vm.ioeventfd({ eventfd, addr: address, len: 4, datamatch: BigInt(value) });
    this.#loop.onDoorbell(eventfd, rung);
    return () => eventfd.write();
  }

  /**
   * A function that interrupts the guest by a rising edge.
   *
   * @param line the line of a GSI, for an I/O APIC that is not in the kernel.
   */
  edge(gsi: number, line: (gsi: number) => InterruptLine): () => void {
    if (this.#interrupts !== 'kernel') {
      const own = line(gsi);
      return () => {
        own.set(true);
        own.set(false);
      };
    }
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
