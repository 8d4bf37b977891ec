import { constants } from 'node:os';
import type { Backend, BackendName } from '../backend/backend.js';
import { backendNames, selectBackend } from '../backend/select.js';
import { KvmError } from '../errors/kvm-error.js';
import {
  areCounts,
  type Claim,
  claimIs,
  endClaim,
  isSharedWords,
  newClaim,
  notAHandle,
  State,
} from '../ioctl/claim.js';
import { systemCall } from '../ioctl/system-call.js';
import { integer, objectOf, u32, u64 } from '../struct/check.js';
import { custom, type ShowOptions, show } from '../struct/inspect.js';
import { hasHeartbeat } from '../vcpu/heartbeat.js';
import { isKicked } from '../vcpu/kick.js';

/** A handle for an `EventFd`, for `postMessage`. In another Worker, `EventFd.from` opens the same counter. */
export interface SharedEventFd {
  readonly backend: BackendName;
  /** The descriptor in the thread that shared it. */
  readonly fd: number;
  /** Whether that descriptor is open: one word that all threads share. */
  readonly claim: Int32Array;
}

/** A descriptor, separate from its `EventFd` so that it can be closed after the object was dropped. */
class Counter {
  readonly backend: Backend;
  readonly fd: number;
  /** Undefined before the first `share`. */
  claim: Claim | undefined;

  constructor(backend: Backend, fd: number) {
    this.backend = backend;
    this.fd = fd;
  }

  close(): void {
    if (this.claim !== undefined) endClaim(this.claim);
    this.backend.close(this.fd);
  }
}

/** Closes the descriptors of unreachable objects that were not closed. */
const unreachable = new FinalizationRegistry<Counter>((counter) => counter.close());

/**
 * An eventfd: a 64-bit counter in the kernel that one side increments and the other reads and resets. KVM can take it
 * as an interrupt line (`vm.irqfd`), or signal it for a write of the guest (`vm.ioeventfd`). It is close-on-exec and
 * non-blocking. `kvm.createEventFd` creates one.
 */
export class EventFd implements Disposable {
  readonly #backend: Backend;
  readonly #counter: Counter;
  readonly #value = new BigUint64Array(1);
  readonly #address: number;
  #closed = false;

  private constructor(backend: Backend, fd: number) {
    this.#backend = backend;
    this.#counter = new Counter(backend, fd);
    this.#address = backend.address(this.#value);
    unreachable.register(this, this.#counter, this);
  }

  /** @internal The descriptor of an argument that must be an EventFd. */
  static descriptorOf(eventfd: unknown, where: string): number {
    if (eventfd instanceof EventFd) return eventfd.fd;
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${where} must be an EventFd`);
  }

  /** @internal `kvm.createEventFd`. */
  static create(backend: Backend, initial: number): EventFd {
    const fd = backend.eventfd(u32(initial, 'the initial value of an eventfd'));
    return new EventFd(backend, systemCall('eventfd', fd));
  }

  /** The same counter, in the Worker that received the result of `share`. It has its own descriptor to close. */
  static from(shared: SharedEventFd): EventFd {
    const { backend: name, fd, claim } = objectOf(shared, 'the result of eventfd.share()');
    if (!backendNames.includes(name) || !areCounts(fd) || !isSharedWords(claim, 1)) throw notAHandle('eventfd.share()');
    const backend = selectBackend(name);
    const own = backend.duplicate(fd);
    // The claim ends before the descriptor is closed. If it still stands, the duplicate is the counter's.
    if (claimIs(claim, State.Owned)) {
      return new EventFd(backend, systemCall('duplicating the descriptor of an eventfd', own));
    }
    if (own >= 0) backend.close(own);
    throw new KvmError('ERR_KVM_CLOSED', 'this EventFd is closed in the thread that shared it', {
      hint: 'keep the EventFd open until the Worker has called EventFd.from',
    });
  }

  /**
   * Returns a handle to send to another Worker with `postMessage`. Keep this object open until that Worker has called
   * `EventFd.from`. From now on only `close` closes the descriptor; garbage collection does not.
   */
  share(): SharedEventFd {
    const { fd } = this;
    this.#counter.claim ??= newClaim(State.Owned);
    unreachable.unregister(this);
    return { backend: this.#backend.name, fd, claim: this.#counter.claim };
  }

  /** The file descriptor. It belongs to this object. */
  get fd(): number {
    if (this.#closed) throw new KvmError('ERR_KVM_CLOSED', 'this EventFd is closed');
    return this.#counter.fd;
  }

  /** @internal `console.log`. */
  [custom](depth: unknown, options?: ShowOptions): string {
    const members = () => (this.#closed ? { closed: true } : { fd: this.#counter.fd, backend: this.#backend.name });
    return show('EventFd', members, depth, options);
  }

  /** Adds to the counter; 1 is the usual signal. */
  write(value = 1n): void {
    this.#value[0] = u64(value, 'the value to add to an eventfd');
    systemCall('write to an eventfd', this.#backend.write(this.fd, this.#address, 8));
  }

  /** Reads the counter and resets it to 0. It returns 0 at once if the counter is 0. */
  read(): bigint {
    const result = this.#backend.read(this.fd, this.#address, 8);
    if (result === -constants.errno.EAGAIN) return 0n;
    systemCall('read of an eventfd', result);
    return this.#value[0] as bigint;
  }

  /**
   * Waits until the counter is not 0, and leaves it unchanged. It blocks the thread, so it is for Workers. A kick of a
   * vCPU that the thread has run ends it early. In the main thread, and if no vCPU has run, so does any signal.
   *
   * @param timeout milliseconds; 0 to check without waiting.
   * @returns whether the counter is not 0.
   */
  wait(timeout: number): boolean {
    const { fd } = this;
    let left = integer(timeout, 0, 0x7fff_ffff, 'a timeout');
    const end = performance.now() + left;
    for (;;) {
      const result = this.#backend.poll(fd, left);
      if (result !== -constants.errno.EINTR) return systemCall('poll of an eventfd', result) > 0;
      if (!hasHeartbeat() || isKicked()) return false;
      left = Math.max(0, Math.ceil(end - performance.now()));
    }
  }

  /** Closes the descriptor. A second call does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    unreachable.unregister(this);
    this.#counter.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
