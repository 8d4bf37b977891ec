import { Cap, Kvm, KvmError, Vm } from '@kvm/core';

/** Below the firmware's place at the end of 4 GiB, where no guest has memory; the addresses other monitors use, too. */
const identityMapAddr = 0xfffb_c000n;
const tssAddr = 0xfffb_d000n;

/**
 * Sets aside the four pages of the guest's address space that Intel hosts need for real mode; other hosts do not use them.
 * Before the first vCPU.
 */
export function reserveHostPages(kvm: Kvm, vm: Vm): void {
  if (!(kvm instanceof Kvm && vm instanceof Vm)) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'reserveHostPages takes a Kvm and a Vm of it');
  }
  if (kvm.checkExtension(Cap.SetIdentityMapAddr) > 0) vm.setIdentityMapAddr(identityMapAddr);
  if (kvm.checkExtension(Cap.SetTssAddr) > 0) vm.setTssAddr(tssAddr);
}
