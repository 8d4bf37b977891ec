import { adoptVm, type SharedVm } from '../share/vm.js';
import { SavingVm } from '../vm/saving.js';
import { riscv } from './architecture.js';
import { Vcpu } from './vcpu.js';

/** A virtual machine: its memory, its interrupt controllers, its vCPUs. `kvm.createVm` makes one. */
export class Vm extends SavingVm<Vcpu> {
  /** @internal */
  protected readonly vcpuType = Vcpu;
  protected readonly stateParts = [];

  /**
   * The same VM, in the Worker that was sent what `share` gave: to be closed there.
   *
   * @throws KvmError `ERR_KVM_CLOSED` when it is closed there already, `ERR_KVM_INVALID_ARGUMENT` for what no VM gave.
   */
  static from(shared: SharedVm): Vm {
    return new Vm(adoptVm(riscv, shared));
  }
}
