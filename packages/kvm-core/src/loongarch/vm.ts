import { GenericVm } from '../vm/vm.js';
import { Vcpu } from './vcpu.js';

/** A virtual machine: its memory, its interrupt controllers, its vCPUs. `kvm.createVm` makes one. */
export class Vm extends GenericVm<Vcpu> {
  protected readonly vcpuType = Vcpu;
}
