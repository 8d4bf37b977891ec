import { type Exit, ExitReason, exitReasonNames, unrecognised, type Vcpu } from '@kvm/core';
import type { Outcome } from '../devices/outcome.js';

/** What an exit means for the run that no device answers. */
export function outcomeOf(vcpu: Vcpu, exit: Exit): Outcome {
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

/** Undefined where KVM has reset the vCPU: it then stands at the reset vector, 16 bytes below 4 GiB. */
function ripAtShutdown(vcpu: Vcpu): bigint | undefined {
  const { rip } = vcpu.getRegs();
  const isReset = rip === 0xfff0n && vcpu.getSregs().cs.base === 0xffff_0000n;
  return isReset ? undefined : rip;
}
