import { KvmError, type Vcpu } from '@kvm/core';

/**
 * Tells a guest with kvmclock that its processor stood still: it does not take the time for a lockup then. Call it
 * before the processor runs again.
 */
export function tellOfPause(vcpu: Pick<Vcpu, 'kvmclockCtrl'>): void {
  try {
    vcpu.kvmclockCtrl();
  } catch (error) {
    // A guest without kvmclock, or a host without the call: nobody to tell.
    if (!(error instanceof KvmError)) throw error;
  }
}
