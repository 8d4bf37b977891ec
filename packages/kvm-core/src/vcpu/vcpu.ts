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

/** Node does not export it. Its number is the same on every architecture that reports memory faults. */
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

/** A vCPU of any architecture, with exits of type `E` and a run state of type `R`. */
export abstract class GenericVcpu<E extends AnyExit = AnyExit, R extends RunHead = RunHead> extends VcpuCalls {
  readonly kind = 'vcpu';
  readonly id: number;
  readonly #state: RunState;
  readonly #exits: ExitViews<E>;
  readonly #kick: KickState;
  readonly #timer: DeadlineTimer;
  /** Makes KVM_RUN. It is replaced for the first run and after the end, so that other runs need no check. */
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
   * Runs the guest until its next exit, and returns a view of the run state whose `reason` is the exit reason. The view
   * is the same object for each exit with the same reason; the next run overwrites its contents. Values that a handler
   * writes into it, such as the data of a port read, go to the guest with the next run. KVM_RUN, api.rst 4.10.
   *
   * A kick or the deadline ends the run with the reason `ExitReason.Intr`; the guest continues with the next run. In
   * the main thread, any signal that the process handles does the same: the program can then return to the event loop,
   * which calls signal handlers. In a Worker, other signals do not end a run.
   *
   * A fault on guest memory that the kernel cannot resolve is an exit, too: `ExitReason.MemoryFault`, although the
   * system call fails with EFAULT or EHWPOISON. Cap.MemoryFaultInfo.
   *
   * @throws KvmError `ERR_KVM_SYSCALL` if the kernel cannot run the guest.
   */
  run(options?: RunOptions): E {
    if (options !== undefined) return this.#runUntil(deadlineOf(options));
    const result = this.#enter();
    return result === 0 ? this.#exits.current() : this.#interrupted(-result);
  }

  /**
   * Whether the last run with a deadline returned with `ExitReason.Intr` after the deadline. If not, a kick or a signal
   * ended it early.
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
    const left = deadline - performance.now();
    if (!(left > 0)) return this.#enterAndLeave();
    this.#timer.arm(left);
    let result: number;
    try {
      // The engine leaves a thread that is being terminated at the next turn of a loop. No other call may be made
      // before it: koffi would abort the process.
      do result = this.#enter();
      while (this.#goesOn(result) && performance.now() < deadline);
    } finally {
      this.#timer.rest();
    }
    return this.#goesOn(result) ? this.#enterAndLeave() : result;
  }

  /**
   * Makes a run that ends as soon as the guest has the data of the last exit. With EAGAIN, the vCPU waits for its first
   * start, and is not inside an instruction.
   */
  #enterAndLeave(): number {
    this.#state.run.immediateExit = 1;
    const result = this.#enter();
    this.#kick.settled();
    return result === -EAGAIN ? -EINTR : result;
  }

  /**
   * Lets the guest finish only the instruction that the last exit interrupted, for example with the data of a read. The
   * registers are consistent afterwards: those between two instructions.
   *
   * @returns the next exit of the same instruction, which a string instruction may have; undefined if it is complete.
   */
  settle(): E | undefined {
    this.opened();
    if (!this.#hasRun) return undefined;
    const result = this.#enterAndLeave();
    if (this.#hasExit(result)) return this.#exits.current();
    if (result !== -EINTR) throw this.refused(this.abi.KVM_RUN, -result);
    return undefined;
  }

  /** Whether the vCPU has run, in this thread or another. */
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
    // A closure: the engine compiles it once for all vCPUs, and calls the backend's function directly. A function that
    // the addon binds to the descriptor would differ for each vCPU, which takes the engine's slowest path from the
    // second vCPU on.
    this.#enter = () => ioctl(fd, request, 0);
    return this.#enter();
  }

  /**
   * Whether to repeat KVM_RUN, because it returned for a reason that does not concern the program. With EAGAIN, a vCPU
   * that waited for its first start has got it, or something else such as an NMI wakes it, perhaps at every call. The
   * kernel checks the flag of a kick each time before it returns EAGAIN. With EINTR in a Worker, it was the heartbeat,
   * or a signal that JavaScript does not receive there.
   */
  #goesOn(result: number): boolean {
    return result === -EAGAIN || (result === -EINTR && hasHeartbeat() && !this.#kick.isPending);
  }

  #interrupted(errno: number): E {
    let result = -errno;
    while (this.#goesOn(result)) result = this.#enter();
    return this.#stopped(result);
  }

  /** Whether the run state has an exit. Of the failed runs, only a memory fault fills it in; otherwise it is stale. */
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
   * Makes the current or the next `run` return with `ExitReason.Intr`. From another thread, call the function `kick`
   * with the result of `kickHandle`.
   */
  kick(): void {
    this.opened();
    kick(this.#handle());
  }

  /** Returns a handle to kick this vCPU from another thread: send it with `postMessage`, and call `kick` there. */
  kickHandle(): KickHandle {
    this.opened();
    return this.#handle();
  }

  #handle(): KickHandle {
    return { words: this.#kick.words, address: this.#state.address, backend: this.backend.name };
  }

  /** Words in which the architecture records how it initialised the vCPU. */
  protected get initWords(): Uint32Array {
    return this.resources.initWords;
  }

  /** The mapped run state, which the kernel shares with this process. `struct kvm_run`, api.rst 5. */
  get kvmRun(): R {
    this.opened();
    return this.#state.run as R;
  }

  /** Enables a capability of this vCPU that is off by default. KVM_ENABLE_CAP, api.rst 4.37. Cap.EnableCap. */
  enableCap(cap: number, args: readonly bigint[] = [], flags = 0): void {
    this.enableCapability(cap, args, flags);
  }

  /**
   * Gives the vCPU to another thread. Send the result there with `postMessage`; `Vcpu.from` makes a vCPU from it, once.
   * This object is unusable from now on; kick handles remain valid. Until the vCPU is taken, `close` of this object
   * takes it back and closes it. Otherwise a handle that nobody takes keeps the vCPU and two descriptors until the
   * process ends.
   *
   * @throws KvmError `ERR_KVM_UNSAFE` if the VM or the vCPU uses memory that only this thread keeps alive: Xen's shared
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
