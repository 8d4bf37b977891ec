import { KvmFd } from '../ioctl/kvm-fd.js';
import type { GenericVcpu } from '../vcpu/vcpu.js';
import { GenericVm } from '../vm/vm.js';
import type { HandlerTypes, ResultOf } from './handlers.js';
import { type DataGiven, type Running, type StartOptions, startVcpus } from './start.js';

/** Runs the vCPUs of a VM in Workers. */
export abstract class VmStart<C extends GenericVcpu = GenericVcpu> extends GenericVm<C> {
  /**
   * Runs vCPUs, each in its own Worker, with the handlers that a module exports. From now on the guest's memory slots
   * are fixed, as with `share`. The VM exists until `done`, even if this object is closed or collected.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT`, `ERR_KVM_OUT_OF_RANGE`, and the errors of `share`. `done` reports
   *   later errors, including a vCPU of another VM and one that cannot be transferred.
   */
  start<T extends HandlerTypes = HandlerTypes>(options: StartOptions<C, T> & DataGiven<T>): Running<C, ResultOf<T>> {
    this.opened();
    return startVcpus(KvmFd.descriptorOf(this), this.vcpuType, options);
  }
}
