import { KVM_VM_TYPE_ARM_IPA_SIZE, KVM_VM_TYPE_ARM_PROTECTED } from '../../abi/arm64/index.js';
import { boolean, integer } from '../../struct/check.js';
import { optionsOf } from '../../struct/options.js';

/** The properties of an arm64 VM that its machine type selects. */
export interface MachineType {
  /** The bits of a guest-physical address, from 32 to the value of Cap.ArmVmIpaSize; default 40. */
  ipaSize?: number;
  /** Hides the guest's memory from the host: pKVM, with `kvm-arm.mode=protected`; default false. */
  protected?: boolean;
}

/** The number of a machine type, for `kvm.createVm`: KVM_CREATE_VM, api.rst 4.2. */
export function machineType(type: MachineType): number {
  const { ipaSize, protected: isProtected = false } = optionsOf(type, 'a machine type', ['ipaSize', 'protected']);
  const bits = ipaSize === undefined ? 0 : integer(ipaSize, 32, 52, 'ipaSize');
  const flags = boolean(isProtected, 'protected') ? KVM_VM_TYPE_ARM_PROTECTED : 0;
  return flags + Number(KVM_VM_TYPE_ARM_IPA_SIZE(bits));
}
