import { constants } from 'node:os';
import type { RunHead } from '../arch/architecture.js';
import { Descriptor } from '../ioctl/descriptor.js';
import { closedError } from '../ioctl/kvm-fd.js';
import { DeadlineTimer, deadlineOf, type RunOptions } from './deadline.js';
import { type MappedRing, mapRing } from './dirty-ring.js';
import { type AnyExit, type ExitTable, ExitViews } from './exits.js';
import { type KickHandle, KickState, kick } from './kick.js';
import { VcpuOneReg } from './one-reg.js';
import { RunState } from './run-state.js';

const { EAGAIN, EINTR } = constants.errno;

/** @internal What a vCPU is made of. */
export interface VcpuParts {
  readonly descriptor: Descriptor;
  readonly id: number;
  readonly state: RunState;
  readonly kickState: KickState;
  readonly timer: DeadlineTimer;
  readonly dirtyRing: MappedRing | undefined;
}

/** @internal @param dirtyRingBytes what was enabled for all vCPUs of the VM; 0 for no ring. */
export function vcpuParts(
  parent: Descriptor,
  fd: number,
  id: number,
  mmapSize: number,
  dirtyRingBytes: number,
): VcpuParts {
  const { arch, backend } = parent;
  let dirtyRing: MappedRing | undefined;
  let state: RunState;
  try {
    // Before the run state, which has views: while nobody has one, what is mapped can be given up.
    if (dirtyRingBytes > 0) dirtyRing = mapRing(arch.abi, backend, fd, dirtyRingBytes);
    state = new RunState(arch, backend, fd, mmapSize);
  } catch (error) {
    if (dirtyRing !== undefined) backend.unmap(dirtyRing.address, dirtyRing.length);
    backend.close(fd);
    throw error;
  }
  const kickState = new KickState(state);
  const timer = new DeadlineTimer(backend);
  const { address } = state;
  const descriptor = new Descriptor(arch, backend, fd, parent, () => {
    kickState.close();
    timer.close();
    backend.blank(address, mmapSize);
    if (dirtyRing !== undefined) backend.blank(dirtyRing.address, dirtyRing.length);
  });
  return { descriptor, id, state, kickState, timer, dirtyRing };
}

/** What a vCPU has on every architecture, whose exits are `E` and whose run state is `R`. */
export abstract class GenericVcpu<E extends AnyExit = AnyExit, R extends RunHead = RunHead> extends VcpuOneReg {
  readonly id: number;
  readonly #state: RunState;
  readonly #exits: ExitViews<E>;
  readonly #kick: KickState;
  readonly #timer: DeadlineTimer;
  /** KVM_RUN: before the first time, and after the end, something else stands here, so that no run has to ask. */
  #enter: () => number;
  #hasRun = false;
  #deadlinePassed = false;

  /** @internal `vm.createVcpu`. */
  constructor({ descriptor, id, state, kickState, timer, dirtyRing }: VcpuParts, exits: ExitTable<E>) {
    super(descriptor, state, dirtyRing);
    this.id = id;
    this.#state = state;
    this.#kick = kickState;
    this.#timer = timer;
    this.#exits = new ExitViews(state, exits);
    this.#enter = () => this.#firstEnter();
  }

  /**
   * Runs the guest until it needs something, and says what: a view of the run state, whose `reason` tells which. It is the same
   * object each time for one reason, and what it shows is overwritten by the next run. What a handler writes into it, as the
   * data of a read from a port, the next run gives to the guest. KVM_RUN, api.rst 4.10.
   *
   * A signal, a kick, or the deadline, makes it return with the reason `ExitReason.Intr`; the guest goes on with the next run.
   *
   * @throws KvmError `ERR_KVM_SYSCALL` when the kernel cannot run the guest.
   */
  run(options?: RunOptions): E {
    if (options !== undefined) return this.#runUntil(deadlineOf(options));
    const result = this.#enter();
    return result === 0 ? this.#exits.current() : this.#interrupted(-result);
  }

  /**
   * Whether the last run that was given a deadline returned with `ExitReason.Intr` when that had passed: else it was a signal, or
   * a kick, and the time is not up.
   */
  get deadlinePassed(): boolean {
    return this.#deadlinePassed;
  }

  #runUntil(deadline: number): E {
    this.opened();
    this.#deadlinePassed = false;
    const result = this.#enterUntil(deadline);
    if (result === 0) return this.#exits.current();
    this.#deadlinePassed = result === -EINTR && performance.now() >= deadline;
    return this.#interrupted(-result);
  }

  #enterUntil(deadline: number): number {
    for (;;) {
      const left = deadline - performance.now();
      if (!(left > 0)) return this.#enterAndLeave();
      this.#timer.arm(left);
      let result: number;
      try {
        result = this.#enter();
      } finally {
        this.#timer.rest();
      }
      // A vCPU that waited for its first start has got it: the kernel wants to be asked again.
      if (result !== -EAGAIN) return result;
    }
  }

  /**
   * A run that comes back as soon as the guest has what the last exit left for it. A vCPU that waits for its first start, where the kernel
   * says EAGAIN, is in no instruction.
   */
  #enterAndLeave(): number {
    this.#state.run.immediateExit = 1;
    const result = this.#enter();
    this.#kick.settled(this.#state);
    return result === -EAGAIN ? -EINTR : result;
  }

  /**
   * Lets the guest finish the instruction that the last exit interrupted, as with the data of a read, and no other: the registers are
   * then those between two instructions.
   *
   * @returns the exit that the same instruction needs next, as a string instruction may; undefined when it is done.
   */
  settle(): E | undefined {
    this.opened();
    if (!this.#hasRun) return undefined;
    const result = this.#enterAndLeave();
    if (result === 0) return this.#exits.current();
    if (result !== -EINTR) throw this.refused(this.abi.KVM_RUN, -result);
    return undefined;
  }

  #firstEnter(): number {
    const { fd, backend } = this;
    this.#kick.bind(backend.threadId());
    this.#enter = backend.runner(fd, this.abi.KVM_RUN.request);
    this.#hasRun = true;
    return this.#enter();
  }

  #interrupted(errno: number): E {
    // A vCPU that waited for its first start has got it: the kernel wants to be asked again.
    if (errno === EAGAIN) return this.run();
    if (errno !== EINTR) throw this.refused(this.abi.KVM_RUN, errno);
    this.#kick.take(this.#state);
    return this.#exits.interrupted();
  }

  /**
   * Makes the `run` that is under way, or the next one, return with `ExitReason.Intr`. From another thread, `kick` with what
   * `kickHandle` gives.
   */
  kick(): void {
    this.opened();
    kick(this.#handle());
  }

  /** What another thread needs to kick this vCPU: send it with `postMessage`, and call `kick` there. */
  kickHandle(): KickHandle {
    this.opened();
    return this.#handle();
  }

  #handle(): KickHandle {
    return { words: this.#kick.words, address: this.#state.address, backend: this.backend.name };
  }

  /** The run state, mapped: what the kernel and this process tell each other about the vCPU. `struct kvm_run`, api.rst 5. */
  get kvmRun(): R {
    this.opened();
    return this.#state.run as R;
  }

  /** Turns on a capability of this vCPU that is off by default. KVM_ENABLE_CAP, api.rst 4.37. Cap.EnableCap. */
  enableCap(cap: number, args: readonly bigint[] = [], flags = 0): void {
    this.enable(cap, args, flags);
  }

  override close(): void {
    if (!this.closed) {
      this.#enter = () => {
        throw closedError('vcpu');
      };
    }
    super.close();
  }
}
