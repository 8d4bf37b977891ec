import type { KvmRegs, KvmRun, KvmSregs, KvmVcpuEvents } from '../../abi/x86/index.js';
import { KvmError } from '../../errors/kvm-error.js';
import { u64 } from '../../struct/check.js';
import { custom, hex, type ShowOptions, show } from '../../struct/inspect.js';

/**
 * Registers in the run state. The kernel writes them there after a run and reads them before the next one, without
 * another ioctl. This is the fastest access to registers for the handler of an exit.
 */
export class SynchronisedRegisters {
  /** The sets of registers that the host synchronises, of `SyncRegs`: the value of Cap.SyncRegs. */
  readonly supported: bigint;
  readonly #run: KvmRun;
  /** A number, because checking with bigints would allocate. */
  readonly #unsupported: number;

  /** @internal `vcpu.syncRegs`. */
  constructor(run: KvmRun, supported: number) {
    this.#run = run;
    this.supported = BigInt(supported);
    this.#unsupported = ~supported;
  }

  /** The sets that the kernel writes after each run: `SyncRegs.Regs | SyncRegs.Sregs`. */
  get valid(): bigint {
    return this.#run.kvmValidRegs;
  }

  set valid(sets: bigint) {
    this.#check(sets);
    this.#run.kvmValidRegs = sets;
  }

  /** The sets that the kernel reads at the next run: mark those that you changed here. The kernel clears the marks. */
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

  /** Pending exceptions, interrupts and NMIs, of `SyncRegs.Events`. */
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
        hint: `the value of Cap.SyncRegs is 0x${this.supported.toString(16)}`,
      },
    );
  }
}
