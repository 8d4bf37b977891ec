import type { Vcpu } from '@kvm/core';
import type { Outcome } from '../devices/outcome.js';
import { ExitDispatcher, type RunOptions } from './exit-dispatcher.js';

/**
 * Runs a vCPU in this thread, and answers its exits from the devices, until its guest ends or is stopped.
 *
 * @throws KvmError `ERR_KVM_SYSCALL` when the kernel cannot run the guest at all, and what a device throws. The exit is
 *   not answered then: do not run the vCPU again.
 */
export function runVcpu(vcpu: Vcpu, options: RunOptions): Outcome {
  const dispatcher = new ExitDispatcher(vcpu, options);
  for (;;) {
    const outcome = dispatcher.dispatch(vcpu.run());
    if (outcome !== undefined) return outcome;
  }
}
