import type { Vcpu } from '@kvm/core';
import { masked } from './guest-cpuid.js';
import { type CpuTemplate, checkTemplate } from './template.js';

/**
 * Sets the model-specific registers of a template, from the values that the vCPU has. Call it after `setCpuid2`, on
 * which some of them depend.
 *
 * @throws KvmError `ERR_KVM_UNSUPPORTED` that names a register that the kernel does not know, or refuses.
 */
export function setTemplateMsrs(vcpu: Vcpu, template: CpuTemplate): void {
  const { msrs } = checkTemplate(template);
  const values = vcpu.getMsrs(msrs.map(({ index }) => index));
  vcpu.setMsrs(msrs.map((mask, i) => ({ index: mask.index, data: masked(values[i]?.data ?? 0n, mask) })));
}
