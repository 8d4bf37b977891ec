import { constants } from 'node:os';
import type { RunHead } from '../arch/architecture.js';
import { keepOwner } from '../ioctl/descriptor.js';
import { withGroups } from '../ioctl/groups.js';
import { closedError, KvmFd } from '../ioctl/kvm-fd.js';
import { StatsFd } from '../ioctl/stats-fd.js';
import { type DeadlineTimer, deadlineOf, type RunOptions } from './deadline.js';
import { type AnyExit, type ExitMakers, ExitViews } from './exit-views.js';
import { hasHeartbeat, startHeartbeat } from './heartbeat.js';
import { VcpuInterrupts } from './interrupts.js';
import { type KickHandle, type KickState, kick } from './kick.js';
import { VcpuMemory } from './memory.js';
import { VcpuOneReg } from './one-reg.js';
import type { VcpuResources } from './resources.js';
import type { RunState } from './run-state.js';
import { VcpuSignals } from './signals.js';
import { offerVcpu, type TransferredVcpu, withdrawVcpu } from './transfer.js';

const { EAGAIN, EFAULT, EINTR } = constants.errno;

/** Node has no name for it. Its number is the same on every architecture that reports memory faults. */
const EHWPOISON = 133;

/** The calls of a vCPU that every architecture has. */
const VcpuCalls = /* @__PURE__ */ withGroups(
  KvmFd<'vcpu'>,
  StatsFd<'vcpu'>,
  VcpuInterrupts,
  VcpuSignals,
  VcpuMemory,
  VcpuOneReg,
);

/** What a vCPU has on every architecture, whose exits are `E` and whose run state is `R`. */
export abstract class GenericVcpu<E extends AnyExit = AnyExit, R extends RunHead = RunHead> extends VcpuCalls {
  readonly kind = 'vcpu';
  readonly id: number;
  readonly #state: RunState;
  readonly #exits: ExitViews<E>;
  readonly #kick: KickState;
  readonly #timer: DeadlineTimer;
  /** KVM_RUN: before the first time, and after the end, something else stands here, so that no run has to ask. */
  #enter: () => number;
  #hasRun: boolean;
  protected readonly resources: VcpuResources;
  #offered: TransferredVcpu | undefined;
  #deadlinePassed = false;

  /** @internal `vm.createVcpu`. */
  constructor(resources: VcpuResources, exits: ExitMakers<E>) {
    const { descriptor, id, state, kickState, timer } = resources;
    super(descriptor);
    this.resources = resources;
    this.#hasRun = resources.hasRun;
    this.id = id;
    this.#state = state;
    this.#kick = kickState;
    this.#timer = timer;
    this.#exits = new ExitViews(state, exits);
    keepOwner(state.bytes.buffer, this);
    this.#enter = () => this.#firstEnter();
  }

  /** @internal */
  protected override shown(): object {
    return { id: this.id };
  }

  /**
   * Runs the guest until it needs something, and says what: a view of the run state, whose `reason` tells which. It is
   * the same object each time for one reason, and what it shows is overwritten by the next run. What a handler writes
   * into it, as the data of a read from a port, the next run gives to the guest. KVM_RUN, api.rst 4.10.
   *
   * A kick or the deadline makes it return with the reason `ExitReason.Intr`; the guest goes on with the next run. So
   * does, in the main thread, any signal that the process handles: the program can then let the event loop turn, where
   * handlers of signals are called. In a Worker other signals end no run.
   *
   * A fault on guest memory that the kernel cannot resolve is an exit too, `ExitReason.MemoryFault`, although the
   * system call fails with EFAULT or EHWPOISON. Cap.MemoryFaultInfo.
   *
   * @throws KvmError `ERR_KVM_SYSCALL` when the kernel cannot run the guest.
   */
  run(options?: RunOptions): E {
    if (options !== undefined) return this.#runUntil(deadlineOf(options));
    const result = this.#enter();
    return result === 0 ? this.#exits.current() : this.#interrupted(-result);
  }

  /**
   * Whether the last run that was given a deadline returned with `ExitReason.Intr` when that had passed: else it was a
   * signal, or a kick, and the time is not up.
   */
  get deadlinePassed(): boolean {
    return this.#deadlinePassed;
  }

  #runUntil(deadline: number): E {
    this.opened();
    this.#deadlinePassed = false;
    const result = this.#enterUntil(deadline);
    this.#deadlinePassed = result === -EINTR && performance.now() >= deadline;
    return this.#stopped(result);
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
      // As in a run without a deadline; the kernel sees a kick's flag, and here the time is seen.
      if (!this.#goesOn(result)) return result;
    }
  }

  /**
   * A run that comes back as soon as the guest has what the last exit left for it. A vCPU that waits for its first
   * start, where the kernel says EAGAIN, is in no instruction.
   */
  #enterAndLeave(): number {
    this.#state.run.immediateExit = 1;
    const result = this.#enter();
    this.#kick.settled();
    return result === -EAGAIN ? -EINTR : result;
  }

  /**
   * Lets the guest finish the instruction that the last exit interrupted, as with the data of a read, and no other: the
   * registers are then those between two instructions.
   *
   * @returns the exit that the same instruction needs next, as a string instruction may; undefined when it is done.
   */
  settle(): E | undefined {
    this.opened();
    if (!this.#hasRun) return undefined;
    const result = this.#enterAndLeave();
    if (this.#hasExit(result)) return this.#exits.current();
    if (result !== -EINTR) throw this.refused(this.abi.KVM_RUN, -result);
    return undefined;
  }

  /** Whether it has run, in this thread or another. */
  protected get hasRun(): boolean {
    return this.#hasRun;
  }

  #firstEnter(): number {
    const { fd, backend } = this;
    const { ioctl } = backend;
    const { request } = this.abi.KVM_RUN;
    const threadId = backend.threadId();
    startHeartbeat(backend, threadId);
    this.#kick.bind(threadId);
    this.#hasRun = true;
    // A closure: the engine compiles one for all vCPUs, and calls the backend's function as what it is. One that the
    // addon has bound to the descriptor would be another for each vCPU, and from the second on be called by way of the
    // engine's slowest path.
    this.#enter = () => ioctl(fd, request, 0);
    return this.#enter();
  }

  /**
   * Whether KVM_RUN returned for no reason of the program's. With EAGAIN, a vCPU that waited for its first start has
   * got it, and the kernel wants to be asked again; or something else wakes it, an NMI, as often as it is asked. It
   * looks at a kick's flag each time, before it says so. With EINTR, in a Worker, it was the heartbeat, or a signal
   * that JavaScript is not told of there.
   */
  #goesOn(result: number): boolean {
    return result === -EAGAIN || (result === -EINTR && hasHeartbeat() && !this.#kick.isPending);
  }

  #interrupted(errno: number): E {
    let result = -errno;
    while (this.#goesOn(result)) result = this.#enter();
    return this.#stopped(result);
  }

  /**
   * Whether the run state holds an exit. Of failed runs, only a memory fault fills it in; after any other error it is
   * stale.
   */
  #hasExit(result: number): boolean {
    if (result >= 0) return true;
    const mayBeMemoryFault = result === -EFAULT || result === -EHWPOISON;
    return mayBeMemoryFault && this.#state.run.exitReason === this.abi.ExitReason.MemoryFault;
  }

  #stopped(result: number): E {
    if (this.#hasExit(result)) return this.#exits.current();
    if (result !== -EINTR) throw this.refused(this.abi.KVM_RUN, -result);
    this.#kick.take(this.backend);
    return this.#exits.interrupted();
  }

  /**
   * Makes the `run` that is under way, or the next one, return with `ExitReason.Intr`. From another thread, `kick` with
   * what `kickHandle` gives.
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

  /** What the architecture told the vCPU once. */
  protected get initWords(): Uint32Array {
    return this.resources.initWords;
  }

  /**
   * The run state, mapped: what the kernel and this process tell each other about the vCPU. `struct kvm_run`, api.rst
   * 5.
   */
  get kvmRun(): R {
    this.opened();
    return this.#state.run as R;
  }

  /** Turns on a capability of this vCPU that is off by default. KVM_ENABLE_CAP, api.rst 4.37. Cap.EnableCap. */
  enableCap(cap: number, args: readonly bigint[] = [], flags = 0): void {
    this.enableCapability(cap, args, flags);
  }

  /**
   * Gives the vCPU to another thread: what to send there with `postMessage`, of which `Vcpu.from` makes a vCPU, once.
   * This object is unusable from now on; handles for kicks stay good. Until somebody has taken it, `close` here takes
   * it back and closes it. Nothing else does: a handle that nobody takes keeps the vCPU and two descriptors for as long
   * as the process lives.
   *
   * @throws KvmError `ERR_KVM_UNSAFE` where the VM or the vCPU has memory that only this thread keeps: Xen's shared
   *   pages.
   */
  transfer(): TransferredVcpu {
    this.opened();
    const { parent } = this.resources.descriptor;
    if (parent === undefined) throw closedError('vcpu');
    const handle = offerVcpu(this.resources, this.#hasRun, parent);
    this.#offered = handle;
    this.#enter = () => {
      throw closedError('vcpu', true);
    };
    this.giveAway();
    return handle;
  }

  override close(): void {
    if (this.#offered !== undefined) withdrawVcpu(this.resources.descriptor.arch, this.#offered);
    this.#offered = undefined;
    if (!this.closed) {
      this.#enter = () => {
        throw closedError('vcpu');
      };
    }
    super.close();
  }
}
