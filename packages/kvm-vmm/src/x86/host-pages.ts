import { Cap, Kvm, KvmError, Vm } from '@kvm/core';

/**
 * Below the place of the firmware at the end of 4 GiB, where no guest has memory. Other monitors use these addresses,
 * too.
 */
const identityMapAddr = 0xfffb_c000n;
const tssAddr = 0xfffb_d000n;

/**
 * Sets aside the four pages of guest-physical addresses that Intel hosts need for real mode. Other hosts do not use
 * them. Call it before the first vCPU is made.
 */
export function reserveHostPages(kvm: Kvm, vm: Vm): void {
  if (!(kvm instanceof Kvm && vm instanceof Vm)) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'reserveHostPages takes a Kvm and a Vm of it');
  }
  if (kvm.checkExtension(Cap.SetIdentityMapAddr) > 0) vm.setIdentityMapAddr(identityMapAddr);
  if (kvm.checkExtension(Cap.SetTssAddr) > 0) vm.setTssAddr(tssAddr);
}
