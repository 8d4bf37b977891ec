import { type Epoll, EpollEvent, type EventFd } from '@kvm/core';
import { Word } from './control.js';

/** What a descriptor is watched for. */
export interface Watch {
  /** Changes the events, bits of `EpollEvent`; 0 for none. */
  setEvents(events: number): void;
  /** Ends it. Call it before the descriptor is closed. */
  close(): void;
}

/**
 * What the device thread sleeps on: the bell of the other threads, and descriptors. One system call waits for all of
 * them. It allocates nothing while it runs.
 */
export class EventLoop {
  readonly #control: Int32Array;
  readonly #epoll: Epoll;
  readonly #ready: (((events: number) => void) | undefined)[] = [];
  /** What the bell showed before the shared words were looked at. */
  #seen = 0;
  /** Events that were returned, and not dispatched yet. */
  #count = 0;

  /** @param wake the eventfd of the `Bell`. */
  constructor(control: Int32Array, epoll: Epoll, wake: EventFd) {
    this.#control = control;
    this.#epoll = epoll;
    this.onDoorbell(wake, () => {});
  }

  /** Calls `ready` after each write to an eventfd, or after several. Nobody else reads it. */
  onDoorbell(eventfd: EventFd, ready: () => void): void {
    this.#epoll.add(eventfd, this.#ready.push(ready) - 1, EpollEvent.In | EpollEvent.Edge);
  }

  /** Calls `ready` with what has happened as long as a descriptor is in one of the states of `events`. */
  watch(fd: number, events: number, ready: (events: number) => void): Watch {
    const token = this.#ready.push(ready) - 1;
    this.#epoll.add(fd, token, events);
    return {
      setEvents: (changed) => this.#epoll.modify(fd, token, changed),
      close: () => {
        this.#ready[token] = undefined;
        this.#epoll.remove(fd);
      },
    };
  }

  /** Call it before the shared words are looked at: a bell that rings from now on ends the next sleep. */
  look(): void {
    this.#seen = Atomics.load(this.#control, Word.Bell);
  }

  /**
   * Sleeps until the bell rings, a descriptor has events, or so many milliseconds have passed. It does not sleep while
   * there are events to dispatch. Returns whether nothing has happened.
   */
  sleep(milliseconds: number): boolean {
    if (this.#count > 0) return false;
    const timeout = Number.isFinite(milliseconds) ? Math.ceil(milliseconds) : -1;
    Atomics.store(this.#control, Word.Asleep, 1);
    const hasRung = Atomics.load(this.#control, Word.Bell) !== this.#seen;
    this.#count = this.#epoll.wait(hasRung ? 0 : timeout);
    Atomics.store(this.#control, Word.Asleep, 0);
    return this.#count === 0 && Atomics.load(this.#control, Word.Bell) === this.#seen;
  }

  /** Calls those whose descriptors have events. */
  dispatch(): void {
    const count = this.#count;
    this.#count = 0;
    for (let i = 0; i < count; i++) this.#ready[this.#epoll.token(i)]?.(this.#epoll.events(i));
  }
}
