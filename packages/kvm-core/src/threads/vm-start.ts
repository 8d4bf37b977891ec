import { KvmFd } from '../ioctl/kvm-fd.js';
import type { GenericVcpu } from '../vcpu/vcpu.js';
import { GenericVm } from '../vm/vm.js';
import type { HandlerTypes, ResultOf } from './handlers.js';
import { type DataGiven, type Running, type StartOptions, startVcpus } from './start.js';

/** Runs the vCPUs of a VM in Workers. */
export abstract class VmStart<C extends GenericVcpu = GenericVcpu> extends GenericVm<C> {
  /**
   * Runs vCPUs, each in a Worker of its own, with handlers that a module exports: for those who do not want to write the Workers. From
   * now on the guest's memory stays as it is, as with `share`. The VM stays until `done`, even if this object is closed or collected.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT`, `ERR_KVM_OUT_OF_RANGE`; and what `share` throws. What goes wrong later is told by `done`,
   *   a vCPU of another VM and one that cannot be given away among it.
   */
  start<T extends HandlerTypes = HandlerTypes>(options: StartOptions<C, T> & DataGiven<T>): Running<C, ResultOf<T>> {
    this.opened();
    return startVcpus(KvmFd.descriptorOf(this), this.vcpuType, options);
  }
}
