import { type Exit, ExitReason, exitReasonNames, KvmError, unrecognised, Vcpu } from '@kvm/core';
import { optionsOf } from '@kvm/core/struct';
import { MmioBus } from '../bus/mmio-bus.js';
import { PioBus } from '../bus/pio-bus.js';
import { DebugExit } from '../devices/debug-exit.js';
import { ExitCounts } from './exit-counts.js';
import type { Outcome } from './outcome.js';

export interface RunOptions {
  pio: PioBus;
  mmio: MmioBus;
  /** The device that ends the run, where there is one; it has to be on the bus of ports as well. */
  debugExit?: DebugExit;
  /** Counts each exit. */
  counts?: ExitCounts;
  /** Sees each exit once it is handled. */
  observe?: (exit: Exit) => void;
  /** Asked after an interruption whether the run is to end; without it, each one ends it. */
  interrupted?: () => boolean;
}

/**
 * Runs a vCPU in this thread until its guest ends, or is stopped, and answers its exits from the buses meanwhile. No exit of a
 * device allocates anything here.
 *
 * @throws KvmError `ERR_KVM_SYSCALL` when the kernel cannot run the guest at all.
 */
export function runVcpu(vcpu: Vcpu, options: RunOptions): Outcome {
  const { pio, mmio, debugExit, counts, observe, interrupted } = checked(vcpu, options);
  for (;;) {
    const exit = vcpu.run();
    counts?.add(exit.reason);
    let outcome: Outcome | undefined;
    switch (exit.reason) {
      case ExitReason.Io:
        pio.dispatch(exit.io);
        if (debugExit?.status !== undefined) outcome = { kind: 'exit', status: debugExit.status };
        break;
      case ExitReason.Mmio:
        mmio.dispatch(exit.mmio);
        break;
      case ExitReason.Intr:
        if (interrupted === undefined || interrupted()) outcome = { kind: 'interrupted' };
        break;
      default:
        outcome = ending(vcpu, exit);
    }
    observe?.(exit);
    if (outcome !== undefined) return outcome;
  }
}

function checked(vcpu: Vcpu, options: RunOptions): RunOptions {
  const known = ['pio', 'mmio', 'debugExit', 'counts', 'observe', 'interrupted'] as const;
  const { pio, mmio, debugExit, counts, observe, interrupted } = optionsOf(options, 'the options of runVcpu', known);
  const isFunction = (value: unknown): boolean => value === undefined || typeof value === 'function';
  const wrong = Object.entries({
    'a vCPU': vcpu instanceof Vcpu,
    'pio, a PioBus': pio instanceof PioBus,
    'mmio, an MmioBus': mmio instanceof MmioBus,
    'debugExit, a DebugExit': debugExit === undefined || debugExit instanceof DebugExit,
    'counts, an ExitCounts': counts === undefined || counts instanceof ExitCounts,
    'observe, a function': isFunction(observe),
    'interrupted, a function': isFunction(interrupted),
  }).find(([, fits]) => !fits);
  if (wrong !== undefined) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `runVcpu takes ${wrong[0]}`);
  return options;
}

/** What an exit that no device answers makes of the run. */
function ending(vcpu: Vcpu, exit: Exit): Outcome {
  switch (exit.reason) {
    case ExitReason.Hlt:
      return { kind: 'halt' };
    case ExitReason.Shutdown:
      return { kind: 'shutdown', rip: ripAtShutdown(vcpu) };
    case ExitReason.InternalError:
      return { kind: 'internal-error', suberror: exit.internal.suberror, rip: vcpu.getRegs().rip };
    case ExitReason.FailEntry: {
      const { hardwareEntryFailureReason, cpu } = exit.failEntry;
      return { kind: 'entry-failure', hardwareReason: hardwareEntryFailureReason, cpu };
    }
    default: {
      const number = exit.reason === unrecognised ? exit.exitReason : exit.reason;
      return { kind: 'unhandled', reason: exitReasonNames[number] ?? `exit ${number}`, rip: vcpu.getRegs().rip };
    }
  }
}

/** Where the guest was; undefined where KVM has reset the vCPU, which then stands where processors begin: 16 bytes below 4 GiB. */
function ripAtShutdown(vcpu: Vcpu): bigint | undefined {
  const { rip } = vcpu.getRegs();
  const isReset = rip === 0xfff0n && vcpu.getSregs().cs.base === 0xffff_0000n;
  return isReset ? undefined : rip;
}
