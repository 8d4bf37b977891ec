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

/** An `EventFd` as `postMessage` carries it: `EventFd.from` makes one of it in another Worker, of the same counter. */
export interface SharedEventFd {
  readonly backend: BackendName;
  /** The descriptor of the thread that shared it. */
  readonly fd: number;
  /** Whether that descriptor is open: one word, which all threads see. */
  readonly claim: Int32Array;
}

/** A descriptor, apart from the object that stands for it: so that one whose owner was dropped can be given back. */
class Counter {
  readonly backend: Backend;
  readonly fd: number;
  /** Once it has been shared. */
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

/** Gives back the descriptors of objects that nobody closed and nobody can reach any more. */
const unreachable = new FinalizationRegistry<Counter>((counter) => counter.close());

/**
 * An eventfd: a 64-bit counter in the kernel that one side adds to and the other takes from. KVM takes one in the place
 * of an interrupt line (`vm.irqfd`), and signals one for a write of the guest (`vm.ioeventfd`). Close-on-exec, and
 * never blocks. `kvm.createEventFd` makes one.
 */
export class EventFd implements Disposable {
  readonly #backend: Backend;
  readonly #counter: Counter;
  readonly #value = new BigUint64Array(1);
  #closed = false;

  private constructor(backend: Backend, fd: number) {
    this.#backend = backend;
    this.#counter = new Counter(backend, fd);
    unreachable.register(this, this.#counter, this);
  }

  /** @internal The descriptor of what must be an EventFd. */
  static descriptorOf(eventfd: unknown, where: string): number {
    if (eventfd instanceof EventFd) return eventfd.fd;
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${where} must be an EventFd`);
  }

  /** @internal `kvm.createEventFd`. */
  static create(backend: Backend, initial: number): EventFd {
    const fd = backend.eventfd(u32(initial, 'the first value of an eventfd'));
    return new EventFd(backend, systemCall('eventfd', fd));
  }

  /** The same counter, in the Worker that was sent what `share` gave: a descriptor of its own, to be closed there. */
  static from(shared: SharedEventFd): EventFd {
    const { backend: name, fd, claim } = objectOf(shared, 'what EventFd.share gave');
    if (!backendNames.includes(name) || !areCounts(fd) || !isSharedWords(claim, 1)) throw notAHandle('eventfd.share()');
    const backend = selectBackend(name);
    const own = backend.duplicate(fd);
    // Whoever closes the descriptor ends the claim first: if it stands now, what was duplicated is the counter.
    if (claimIs(claim, State.Owned)) {
      return new EventFd(backend, systemCall('duplicating the descriptor of an eventfd', own));
    }
    if (own >= 0) backend.close(own);
    throw new KvmError('ERR_KVM_CLOSED', 'this EventFd is closed in the thread that shared it', {
      hint: 'keep the EventFd open until the Worker has made its own',
    });
  }

  /**
   * What to send to another Worker with `postMessage`. Keep this object open until it has made its own there. From now
   * on only `close` gives the descriptor back, and not garbage collection.
   */
  share(): SharedEventFd {
    const { fd } = this;
    this.#counter.claim ??= newClaim(State.Owned);
    unreachable.unregister(this);
    return { backend: this.#backend.name, fd, claim: this.#counter.claim };
  }

  /** The descriptor, for what takes one. It belongs to this object. */
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
    this.#value[0] = u64(value, 'what is added to an eventfd');
    systemCall('write to an eventfd', this.#backend.write(this.fd, this.#backend.address(this.#value), 8));
  }

  /** Takes the whole counter and leaves 0; 0 if there was nothing. */
  read(): bigint {
    const result = this.#backend.read(this.fd, this.#backend.address(this.#value), 8);
    if (result === -constants.errno.EAGAIN) return 0n;
    systemCall('read of an eventfd', result);
    return this.#value[0] as bigint;
  }

  /**
   * Waits until there is something to read, which it leaves there. It blocks the thread, and is for Workers; a kick of
   * a vCPU that the thread has run ends it early, and in the main thread, or where no vCPU has run, so does any signal.
   *
   * @param timeout milliseconds; 0 to look and not wait.
   * @returns whether there is something.
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

  /** Gives the descriptor back. A second call does nothing. */
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
