import * as abi from '../../../abi/x86/index.js';
import { broken } from '../../../state/saved-state.js';
import { mostMsrs } from '../msrs.js';
import type { X86VcpuCalls as Vcpu } from '../vcpu/calls.js';
import { listed } from './elements.js';

/** The MSRs that can be read: the kernel stops at one that cannot, as it lists some that this vCPU's CPUID hides. */
export function readableMsrs(vcpu: Vcpu, indices: Uint32Array): abi.KvmMsrEntry[] {
  return [...vcpu.readMsrs(indices).entries];
}

/** Where hypervisors have MSRs of their own; KVM's lie behind them. */
const hypervisors = { first: 0x4000_0000, last: 0x4000_0fff };

/** Without those that do not keep a value: in a guest of Xen one of a hypervisor's is its call for hypercall pages, written into its memory. */
export function settable(msrs: readonly abi.KvmMsrEntry[], isXen: boolean): abi.KvmMsrEntry[] {
  return msrs.filter(({ index }) => !isXen || index < hypervisors.first || index > hypervisors.last);
}

/**
 * Sets the MSRs; one that cannot be set is passed over if it already says the right thing.
 *
 * @param msrs entries, one after the other.
 */
export function setMsrs(vcpu: Vcpu, msrs: Uint8Array): void {
  const { size } = abi.KvmMsrEntry;
  for (let at = 0; at < msrs.length / size; ) {
    const some = listed(msrs.subarray(at * size, (at + mostMsrs) * size), abi.KvmMsrs);
    const set = vcpu.ioctl(abi.KVM_SET_MSRS, some);
    at += set;
    if (set === some.nmsrs) continue;
    const refused = some.entries[set];
    if (refused === undefined) continue;
    const { index, data } = refused;
    const [now] = vcpu.readMsrs([index]).entries;
    if (now?.data !== data) {
      throw broken(`MSR 0x${index.toString(16)} cannot be set to 0x${data.toString(16)} here`);
    }
    at++;
  }
}
