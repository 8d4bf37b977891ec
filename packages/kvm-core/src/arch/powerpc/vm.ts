import { withGroups } from '../../ioctl/groups.js';
import { adoptVm, type SharedVm } from '../../ioctl/shared-vm.js';
import { VmStart } from '../../threads/vm-start.js';
import { GenericVm } from '../../vm/vm.js';
import { powerpc } from './architecture.js';
import { Vcpu } from './vcpu.js';

/** A virtual machine: memory, interrupt controllers and vCPUs. `kvm.createVm` creates one. */
export class Vm extends /* @__PURE__ */ withGroups(GenericVm<Vcpu>, VmStart<Vcpu>) {
  /** @internal */
  protected readonly vcpuType = Vcpu;

  /**
   * Opens the VM that another thread shared with `share`. This thread closes its own object.
   *
   * @throws KvmError `ERR_KVM_CLOSED` when the sharing thread has closed the VM, `ERR_KVM_INVALID_ARGUMENT` for
   *   anything that `share` did not return.
   */
  static from(shared: SharedVm): Vm {
    return new Vm(adoptVm(powerpc, shared));
  }
}
