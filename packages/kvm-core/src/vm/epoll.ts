import { constants } from 'node:os';
import { type Backend, epollEvent } from '../backend/backend.js';
import { KvmError } from '../errors/kvm-error.js';
import { systemCall } from '../ioctl/system-call.js';
import { integer, u32 } from '../struct/check.js';
import { EventFd } from './event-fd.js';

/** What may happen to a descriptor: bits for `Epoll.add`. `Error` and `HangUp` are reported without being asked for. */
export const EpollEvent = {
  /** There is something to read. */
  In: 0x1,
  /** There is room to write. */
  Out: 0x4,
  Error: 0x8,
  HangUp: 0x10,
  /** The other side writes nothing any more. */
  ReadHangUp: 0x2000,
  /** Report each change once, and not as long as the state lasts. An eventfd need not be read then. */
  Edge: 0x8000_0000,
} as const;

const Operation = { Add: 1, Remove: 2, Modify: 3 } as const;
/** The most events that one call returns. The others follow with the next. */
const capacity = 64;

/**
 * Waits for many descriptors at once, in a thread that may block: doorbells, sockets, taps. `vm.createEpoll` creates
 * one. It belongs to its thread.
 *
 *     epoll.add(doorbell, 7, EpollEvent.In | EpollEvent.Edge);
 *     const count = epoll.wait(100);
 *     for (let i = 0; i < count; i++) console.log(epoll.token(i), epoll.events(i)); // 7 1
 */
export class Epoll implements Disposable {
  readonly #backend: Backend;
  readonly #fd: number;
  readonly #ready = new Int32Array(capacity * epollEvent.words);
  readonly #address: number;
  #closed = false;

  private constructor(backend: Backend, fd: number) {
    this.#backend = backend;
    this.#fd = fd;
    this.#address = backend.address(this.#ready);
  }

  /** @internal `vm.createEpoll`. */
  static create(backend: Backend): Epoll {
    return new Epoll(backend, systemCall('epoll_create1', backend.epollCreate()));
  }

  /**
   * Waits for a descriptor, too. Remove it before it is closed.
   *
   * @param source an EventFd, or the number of a descriptor.
   * @param token comes back with its events: 32 bits.
   * @param events bits of `EpollEvent`.
   */
  add(source: EventFd | number, token: number, events: number = EpollEvent.In): void {
    this.#control(Operation.Add, source, events, token);
  }

  /** Changes the token and the events of a descriptor. */
  modify(source: EventFd | number, token: number, events: number): void {
    this.#control(Operation.Modify, source, events, token);
  }

  remove(source: EventFd | number): void {
    this.#control(Operation.Remove, source, 0, 0);
  }

  /**
   * Blocks the thread until something happens. It allocates nothing.
   *
   * @param timeout milliseconds; -1 for ever, 0 to look without waiting.
   * @returns the number of events, for `token` and `events` until the next call; 0 after the time, or after a signal.
   */
  wait(timeout = -1): number {
    integer(timeout, -1, 0x7fff_ffff, 'a timeout');
    const result = this.#backend.epollWait(this.#opened(), this.#address, capacity, timeout);
    return result === -constants.errno.EINTR ? 0 : systemCall('epoll_wait', result);
  }

  /** The token of one of the events that `wait` has counted. */
  token(index: number): number {
    return (this.#ready[this.#at(index) + epollEvent.token] as number) >>> 0;
  }

  /** What has happened: bits of `EpollEvent`. */
  events(index: number): number {
    return (this.#ready[this.#at(index)] as number) >>> 0;
  }

  /** Closes it; the descriptors stay open. A second call does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#backend.close(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #at(index: number): number {
    return integer(index, 0, capacity - 1, 'the index of an event') * epollEvent.words;
  }

  #control(operation: number, source: EventFd | number, events: number, token: number): void {
    const fd = source instanceof EventFd ? source.fd : integer(source, 0, 0x7fff_ffff, 'a descriptor');
    // The bits of `EpollEvent` are negative together, as all results of `|` with bit 31.
    integer(events, -(2 ** 31), 0xffff_ffff, 'the events of a descriptor');
    u32(token, 'the token of a descriptor');
    systemCall('epoll_ctl', this.#backend.epollControl(this.#opened(), operation, fd, events >>> 0, token));
  }

  #opened(): number {
    if (this.#closed) throw new KvmError('ERR_KVM_CLOSED', 'this Epoll is closed');
    return this.#fd;
  }
}
