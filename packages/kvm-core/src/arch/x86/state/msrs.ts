import * as abi from '../../../abi/x86/index.js';
import { broken } from '../../../state/saved-state.js';
import { mostMsrs } from '../msrs.js';
import type { X86VcpuCalls as Vcpu } from '../vcpu/calls.js';
import { listed } from './elements.js';

/** The MSRs that can be read. The kernel also lists MSRs that this vCPU's CPUID hides. */
export function readableMsrs(vcpu: Vcpu, indices: Uint32Array): abi.KvmMsrEntry[] {
  return [...vcpu.readMsrs(indices).entries];
}

/** The range of hypervisor MSRs. Those of KVM come after it. */
const hypervisors = { first: 0x4000_0000, last: 0x4000_0fff };

/**
 * Without MSRs that do not hold a value: a write to one of the hypervisor MSRs of a Xen guest makes the kernel write
 * hypercall pages to guest memory.
 */
export function settable(msrs: readonly abi.KvmMsrEntry[], isXen: boolean): abi.KvmMsrEntry[] {
  return msrs.filter(({ index }) => !isXen || index < hypervisors.first || index > hypervisors.last);
}

/**
 * Sets MSRs. Skips an MSR that cannot be set if it already has the right value.
 *
 * @param msrs entries, as consecutive structs.
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
