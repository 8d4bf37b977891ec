import { withGroups } from '../../ioctl/groups.js';
import { adoptVm, type SharedVm } from '../../ioctl/shared-vm.js';
import { VmSaving } from '../../state/vm-saving.js';
import { VmStart } from '../../threads/vm-start.js';
import { GenericVm } from '../../vm/vm.js';
import { riscv } from './architecture.js';
import { Vcpu } from './vcpu.js';

/** A virtual machine: its memory, its interrupt controllers, its vCPUs. `kvm.createVm` makes one. */
export class Vm extends /* @__PURE__ */ withGroups(GenericVm<Vcpu>, VmStart<Vcpu>, VmSaving<Vcpu>) {
  /** @internal */
  protected readonly vcpuType = Vcpu;
  protected readonly earlyParts = [];
  protected readonly stateParts = [];

  protected prepare(): void {}

  /**
   * The same VM, in the Worker that was sent what `share` gave: to be closed there.
   *
   * @throws KvmError `ERR_KVM_CLOSED` when it is closed there already, `ERR_KVM_INVALID_ARGUMENT` for what no VM gave.
   */
  static from(shared: SharedVm): Vm {
    return new Vm(adoptVm(riscv, shared));
  }
}
