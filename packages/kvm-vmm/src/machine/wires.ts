import { EventFd, IoeventfdFlag, type SharedEventFd, type Vm } from '@kvm/core';
import type { InterruptLine } from '../devices/interrupt-line.js';
import type { MessageInterrupt } from '../pci/message-interrupt.js';
import type { MovableDoorbell } from '../virtio/virtio-pci.js';
import type { BoardModel } from '../x86/board-model.js';
import { isInterruptMessage } from '../x86/interrupt-controllers.js';
import type { EventLoop, Watch } from './event-loop.js';
import type { GsiRoutes } from './gsi-routes.js';
import { Irqfd } from './irqfd.js';

/** The interrupts of a machine without interrupt controllers. */
const nowhere: MessageInterrupt = { route: () => {}, signal: () => {}, isPending: false, clear: () => {} };

/** The eventfds between the guest and the device thread, on which KVM passes doorbells and interrupts without exits. */
export class Wires {
  readonly #vm: Vm;
  readonly #loop: EventLoop;
  readonly #interrupts: BoardModel['interrupts'];
  readonly #routes: GsiRoutes;
  readonly #eventfds: EventFd[] = [];
  readonly #closers: (() => void)[] = [];

  constructor(vm: Vm, loop: EventLoop, { interrupts }: BoardModel, routes: GsiRoutes) {
    this.#vm = vm;
    this.#loop = loop;
    this.#interrupts = interrupts;
    this.#routes = routes;
  }

  /**
   * Calls `rung` when the guest writes a value of 32 bits to an address, instead of an exit. Returns a function that
   * rings, too: `rung` is called after other things of the thread.
   */
  doorbell(address: bigint, value: number, rung: () => void): () => void {
    const eventfd = this.#eventfd();
    this.connect(address, value, eventfd);
    this.listen(eventfd, rung);
    return () => eventfd.write();
  }

  /** Signals an eventfd when the guest writes a value of 32 bits to an address, for another thread to wait for. */
  connect(address: bigint, value: number, eventfd: EventFd): void {
    this.#vm.ioeventfd({ eventfd, addr: address, len: 4, datamatch: BigInt(value) });
  }

  /** Calls `rung` after an eventfd was signalled. */
  listen(eventfd: EventFd, rung: () => void): void {
    this.#loop.onDoorbell(eventfd, rung);
  }

  /** `EventLoop.watch`: for the other side of a device. */
  watch(fd: number, events: number, ready: (events: number) => void): Watch {
    return this.#loop.watch(fd, events, ready);
  }

  /** Calls `close` at the end: for what a device has opened itself. */
  onClose(close: () => void): void {
    this.#closers.push(close);
  }

  /** An eventfd that another thread has, too. */
  open(shared: SharedEventFd): EventFd {
    const eventfd = EventFd.from(shared);
    this.#eventfds.push(eventfd);
    return eventfd;
  }

  /**
   * A doorbell for a write of any value, at an address that the guest chooses. It calls `rung`, or signals the eventfd
   * for which another thread waits.
   */
  movableDoorbell(rung: () => void, remote?: EventFd): MovableDoorbell {
    const eventfd = remote ?? this.#eventfd();
    if (remote === undefined) this.listen(eventfd, rung);
    let placed: bigint | undefined;
    return {
      place: (address) => {
        // Writes of any length: where the hardware reports addresses alone, KVM need not read the instruction.
        if (placed !== undefined) this.#vm.ioeventfd({ eventfd, addr: placed, len: 0, flags: IoeventfdFlag.Deassign });
        placed = address === undefined ? undefined : BigInt(address);
        if (placed !== undefined) this.#vm.ioeventfd({ eventfd, addr: placed, len: 0 });
      },
      ring: () => eventfd.write(),
    };
  }

  /** An interrupt by message, with a route of its own. */
  message(): MessageInterrupt {
    if (this.#interrupts === 'none') return nowhere;
    const eventfd = this.#eventfd();
    return new Irqfd({ vm: this.#vm, eventfd, routes: this.#routes, isInterrupt: isInterruptMessage });
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
    for (const close of this.#closers) close();
    for (const eventfd of this.#eventfds) eventfd.close();
  }

  #eventfd(): EventFd {
    const eventfd = this.#vm.createEventFd();
    this.#eventfds.push(eventfd);
    return eventfd;
  }
}
