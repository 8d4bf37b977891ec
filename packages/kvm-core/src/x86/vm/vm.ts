import * as abi from '../../abi/x86/index.js';
import { adoptVm, type SharedVm } from '../../share/vm.js';
import { u32, u64 } from '../../struct/check.js';
import { x86 } from '../architecture.js';
import { Vcpu } from '../vcpu/vcpu.js';
import { X86VmSaving } from './saving.js';

/** A virtual machine: its memory, its interrupt controllers, its vCPUs. `kvm.createVm` makes one. */
export class Vm extends X86VmSaving {
  /** @internal */
  protected readonly vcpuType = Vcpu;

  /**
   * The same VM, in the Worker that was sent what `share` gave: to be closed there.
   *
   * @throws KvmError `ERR_KVM_CLOSED` when it is closed there already, `ERR_KVM_INVALID_ARGUMENT` for what no VM gave.
   */
  static from(shared: SharedVm): Vm {
    return new Vm(adoptVm(x86, shared));
  }
  readonly #argument = new BigUint64Array(1);

  /**
   * Where an Intel host keeps a one-page identity map inside the guest's address space: below 4 GiB and away from all memory and
   * devices; 0 for the kernel's own choice. Before the first vCPU. api.rst 4.41. x86, Cap.SetIdentityMapAddr.
   */
  setIdentityMapAddr(address: bigint): void {
    this.#argument[0] = u64(address, 'the address of the identity map');
    this.call(abi.KVM_SET_IDENTITY_MAP_ADDR, this.opened().address(this.#argument));
  }

  /**
   * Where an Intel host keeps three pages of its own inside the guest's address space: below 4 GiB and away from all memory and
   * devices. KVM_SET_TSS_ADDR, api.rst 4.40. x86, Cap.SetTssAddr.
   */
  setTssAddr(address: number): void {
    this.call(abi.KVM_SET_TSS_ADDR, u32(address, 'the address of the TSS'));
  }
}
