import { constants } from 'node:os';
import type { Cap, KvmCpuidEntry2, KvmFpu, KvmMsrEntry, KvmRegs, KvmRun, KvmSregs } from '../abi/x86/index.js';
import * as abi from '../abi/x86/index.js';
import { Descriptor } from '../ioctl/descriptor.js';
import { closedError, KvmFd } from '../ioctl/kvm-fd.js';
import type { StructArray } from '../struct/array.js';
import { list } from '../struct/check.js';
import type { StructInit } from '../struct/struct.js';
import { msrList, msrValues } from '../system/msrs.js';
import type { Vm } from '../vm/vm.js';
import { type Exit, ExitViews } from './exits.js';
import { type KickHandle, KickState, kick } from './kick.js';
import { RunState } from './run-state.js';

const { EINTR } = constants.errno;

/** A virtual CPU. `vm.createVcpu` makes one; the thread that made it is the one that runs it. */
export class Vcpu extends KvmFd<'vcpu'> {
  readonly kind = 'vcpu';
  readonly id: number;
  readonly #state: RunState;
  readonly #exits: ExitViews;
  readonly #kick: KickState;
  /** KVM_RUN: before the first time, and after the end, something else stands here, so that no run has to ask. */
  #enter: () => number;

  private constructor(descriptor: Descriptor, id: number, state: RunState, kickState: KickState) {
    super(descriptor);
    this.id = id;
    this.#state = state;
    this.#kick = kickState;
    this.#exits = new ExitViews(state);
    this.#enter = () => this.#firstEnter();
  }

  /** @internal `vm.createVcpu`. */
  static create(vm: Vm, fd: number, id: number, mmapSize: number): Vcpu {
    const parent = KvmFd.descriptorOf(vm);
    const { backend } = parent;
    let state: RunState;
    try {
      state = new RunState(backend, fd, mmapSize);
    } catch (error) {
      backend.close(fd);
      throw error;
    }
    const kickState = new KickState(state.bytes);
    const { address } = state;
    const descriptor = new Descriptor(backend, fd, parent, () => {
      kickState.close();
      backend.blank(address, mmapSize);
    });
    return new Vcpu(descriptor, id, state, kickState);
  }

  /**
   * Runs the guest until it needs something, and says what: a view of the run state, whose `reason` tells which. It is the same
   * object each time for one reason, and what it shows is overwritten by the next run. What a handler writes into it, as the
   * data of a read from a port, the next run gives to the guest. KVM_RUN, api.rst 4.10.
   *
   * A signal, or a kick, makes it return with the reason `ExitReason.Intr`; the guest goes on with the next run.
   *
   * @throws KvmError `ERR_KVM_SYSCALL` when the kernel cannot run the guest.
   */
  run(): Exit {
    const result = this.#enter();
    return result === 0 ? this.#exits.current() : this.#interrupted(-result);
  }

  #firstEnter(): number {
    const { fd, backend } = this;
    this.#kick.bind(backend.threadId());
    this.#enter = backend.runner(fd, abi.KVM_RUN.request);
    return this.#enter();
  }

  #interrupted(errno: number): Exit {
    if (errno !== EINTR) throw this.refused(abi.KVM_RUN, errno);
    this.#kick.take(this.#state.run);
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
  get kvmRun(): KvmRun {
    this.opened();
    return this.#state.run;
  }

  /** The general-purpose registers. KVM_GET_REGS, api.rst 4.11. */
  getRegs(into?: KvmRegs): KvmRegs {
    return this.read(abi.KVM_GET_REGS, into);
  }

  /** Sets all general-purpose registers; those that are not given become 0. KVM_SET_REGS, api.rst 4.12. */
  setRegs(regs: KvmRegs | StructInit<KvmRegs>): void {
    this.write(abi.KVM_SET_REGS, regs);
  }

  /** Segments, descriptor tables, control registers. KVM_GET_SREGS, api.rst 4.13. x86. */
  getSregs(into?: KvmSregs): KvmSregs {
    return this.read(abi.KVM_GET_SREGS, into);
  }

  /** Sets all of them; those that are not given become 0. KVM_SET_SREGS, api.rst 4.14. x86. */
  setSregs(sregs: KvmSregs | StructInit<KvmSregs>): void {
    this.write(abi.KVM_SET_SREGS, sregs);
  }

  /** The x87 and SSE state. KVM_GET_FPU, api.rst 4.22. x86. */
  getFpu(into?: KvmFpu): KvmFpu {
    return this.read(abi.KVM_GET_FPU, into);
  }

  /** Sets the x87 and SSE state. KVM_SET_FPU, api.rst 4.23. x86. */
  setFpu(fpu: KvmFpu | StructInit<KvmFpu>): void {
    this.write(abi.KVM_SET_FPU, fpu);
  }

  /**
   * Model-specific registers. KVM_GET_MSRS, api.rst 4.18. x86.
   *
   * @returns one entry for each index, in order; fewer when the kernel stops at one it cannot read.
   */
  getMsrs(indices: ArrayLike<number>): StructArray<KvmMsrEntry> {
    const msrs = msrList(indices);
    msrs.nmsrs = this.call(abi.KVM_GET_MSRS, this.addressOf(msrs));
    return msrs.entries;
  }

  /**
   * Sets model-specific registers, in order. KVM_SET_MSRS, api.rst 4.19. x86.
   *
   * @returns how many were set: fewer than were given when the kernel stops at one it refuses.
   */
  setMsrs(entries: ArrayLike<KvmMsrEntry | StructInit<KvmMsrEntry>>): number {
    return this.call(abi.KVM_SET_MSRS, this.addressOf(msrValues(entries)));
  }

  /** What CPUID tells the guest; before its first run. KVM_SET_CPUID2, api.rst 4.20. x86, Cap.ExtCpuid. */
  setCpuid2(entries: ArrayLike<KvmCpuidEntry2 | StructInit<KvmCpuidEntry2>>): void {
    const cpuid = abi.KvmCpuid2.withCapacity(list(entries, 'CPUID leaves').length);
    cpuid.entries = entries;
    this.call(abi.KVM_SET_CPUID2, this.addressOf(cpuid));
  }

  /** Turns on a capability of this vCPU that is off by default. KVM_ENABLE_CAP, api.rst 4.37. Cap.EnableCap. */
  enableCap(cap: Cap | number, args: readonly bigint[] = [], flags = 0): void {
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
