import { type Exit, ExitReason, KvmError, Vcpu } from '@kvm/core';
import { optionsOf } from '@kvm/core/struct';
import type { Outcome } from '../devices/outcome.js';
import { Devices } from '../machine/devices.js';
import { ioApic } from '../x86/devices/ioapic/ioapic.js';
import { ExitCounts } from './exit-counts.js';
import { outcomeOf } from './outcome-of.js';

export interface RunOptions {
  /** The devices that answer the exits. */
  devices: Devices;
  /** Counts every exit. */
  counts?: ExitCounts;
  /** Called with every exit after it was handled. */
  observe?: (exit: Exit) => void;
  /** Called after an interruption: whether it ends the run. Without it, every interruption does. */
  interrupted?: () => boolean;
}

/**
 * Answers the exits of a vCPU from its devices, and finds out when the run has ended. Device accesses allocate nothing
 * here.
 */
export class ExitDispatcher {
  readonly #vcpu: Vcpu;
  readonly #options: RunOptions;
  /** The vector of an interrupt that has ended, as the EOI register of an I/O APIC takes it. */
  readonly #vector = new Uint8Array(4);

  /** @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for wrong options. */
  constructor(vcpu: Vcpu, options: RunOptions) {
    this.#vcpu = vcpu;
    this.#options = checked(vcpu, options);
  }

  /** Handles an exit of the vCPU. Returns the outcome when the run has ended: do not run the vCPU again then. */
  dispatch(exit: Exit): Outcome | undefined {
    if (typeof exit?.reason !== 'number') {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'dispatch takes an exit, as vcpu.run() returns it');
    }
    const { devices, counts, observe, interrupted } = this.#options;
    counts?.add(exit.reason);
    let outcome: Outcome | undefined;
    switch (exit.reason) {
      case ExitReason.Io:
        devices.pio.dispatch(exit.io);
        outcome = devices.outcome;
        break;
      case ExitReason.Mmio:
        devices.mmio.dispatch(exit.mmio);
        outcome = devices.outcome;
        break;
      case ExitReason.IoapicEoi:
        this.#vector[0] = exit.eoi.vector;
        devices.mmio.access(ioApic.eoi, this.#vector, true);
        break;
      case ExitReason.Intr:
        if (interrupted === undefined || interrupted()) outcome = { kind: 'interrupted' };
        break;
      default:
        outcome = outcomeOf(this.#vcpu, exit);
    }
    observe?.(exit);
    return outcome;
  }
}

function checked(vcpu: Vcpu, options: RunOptions): RunOptions {
  const known = ['devices', 'counts', 'observe', 'interrupted'] as const;
  const { devices, counts, observe, interrupted } = optionsOf(options, 'the options of a run', known);
  const isFunction = (value: unknown): boolean => value === undefined || typeof value === 'function';
  const wrong = Object.entries({
    'vcpu must be a Vcpu': vcpu instanceof Vcpu,
    'devices must be Devices': devices instanceof Devices,
    'counts must be ExitCounts': counts === undefined || counts instanceof ExitCounts,
    'observe must be a function': isFunction(observe),
    'interrupted must be a function': isFunction(interrupted),
  }).find(([, isRight]) => !isRight);
  if (wrong !== undefined) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', wrong[0]);
  return options;
}
