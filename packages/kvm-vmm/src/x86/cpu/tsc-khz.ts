import { Cap, CpuidFeature, CpuidTable, type Kvm, type Vcpu } from '@kvm/core';

/** The frequency of a guest's time-stamp counter in kHz; undefined where it may change, or KVM does not know it. */
export function constantTscKhz(kvm: Kvm, vcpu: Vcpu): number | undefined {
  const isConstant = new CpuidTable(kvm.getSupportedCpuid()).has(CpuidFeature.InvariantTsc);
  return isConstant && kvm.checkExtension(Cap.GetTscKhz) > 0 ? vcpu.getTscKhz() : undefined;
}
