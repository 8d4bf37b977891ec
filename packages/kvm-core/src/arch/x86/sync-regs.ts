import type { KvmRegs, KvmRun, KvmSregs, KvmVcpuEvents } from '../../abi/x86/index.js';
import { KvmError } from '../../errors/kvm-error.js';
import { u64 } from '../../struct/check.js';
import { custom, hex, type ShowOptions, show } from '../../struct/inspect.js';

/**
 * Registers in the run state, which the kernel writes there after a run and reads from there before the next, with no call of its own:
 * for an exit whose handler looks at registers, that is the shortest way.
 */
export class SynchronisedRegisters {
  /** The sets of registers that the host synchronises, of `SyncRegs`: what Cap.SyncRegs says. */
  readonly supported: bigint;
  readonly #run: KvmRun;
  /** As numbers: no bigint is made where one is checked. */
  readonly #unsupported: number;

  /** @internal `vcpu.syncRegs`. */
  constructor(run: KvmRun, supported: number) {
    this.#run = run;
    this.supported = BigInt(supported);
    this.#unsupported = ~supported;
  }

  /** Which sets the kernel writes after each run from now on: `SyncRegs.Regs | SyncRegs.Sregs`. */
  get valid(): bigint {
    return this.#run.kvmValidRegs;
  }

  set valid(sets: bigint) {
    this.#check(sets);
    this.#run.kvmValidRegs = sets;
  }

  /** Which sets the kernel takes at the next run: those that were changed here. It clears them. */
  get dirty(): bigint {
    return this.#run.kvmDirtyRegs;
  }

  set dirty(sets: bigint) {
    this.#check(sets);
    this.#run.kvmDirtyRegs = sets;
  }

  /** The general-purpose registers, of `SyncRegs.Regs`. */
  get regs(): KvmRegs {
    return this.#run.s.regs.regs;
  }

  /** Segments, descriptor tables and control registers, of `SyncRegs.Sregs`. */
  get sregs(): KvmSregs {
    return this.#run.s.regs.sregs;
  }

  /** Exceptions, interrupts and NMIs that are pending, of `SyncRegs.Events`. */
  get events(): KvmVcpuEvents {
    return this.#run.s.regs.events;
  }

  /** @internal `console.log`. */
  [custom](depth: unknown, options?: ShowOptions): string {
    const { supported, valid, dirty, regs, sregs, events } = this;
    const members = () => ({ supported: hex(supported), valid: hex(valid), dirty: hex(dirty), regs, sregs, events });
    return show('SynchronisedRegisters', members, depth, options);
  }

  #check(sets: bigint): void {
    const fits = u64(sets, 'the sets of registers') <= 0x7fff_ffffn;
    if (fits && (Number(sets) & this.#unsupported) === 0) return;
    throw new KvmError(
      'ERR_KVM_UNSUPPORTED',
      `this host does not synchronise all of these registers: 0x${sets.toString(16)}`,
      {
        hint: `Cap.SyncRegs says 0x${this.supported.toString(16)}`,
      },
    );
  }
}
