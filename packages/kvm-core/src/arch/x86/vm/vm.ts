import * as abi from '../../../abi/x86/index.js';
import { KvmFd } from '../../../ioctl/kvm-fd.js';
import { adoptVm, type SharedVm } from '../../../ioctl/shared-vm.js';
import type { Part } from '../../../state/parts.js';
import type { SavedState } from '../../../state/saved-state.js';
import { bigInteger, u64 } from '../../../struct/check.js';
import { x86 } from '../architecture.js';
import { clockPart, controllerParts, createControllers } from '../state/vm-state.js';
import { xenVmPart } from '../state/xen-state.js';
import { Vcpu } from '../vcpu/vcpu.js';
import { isXen } from '../xen.js';
import { X86VmCalls } from './calls.js';

/** A virtual machine: its memory, its interrupt controllers, its vCPUs. `kvm.createVm` makes one. */
export class Vm extends X86VmCalls {
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

  /**
   * Where an Intel host keeps a one-page identity map inside the guest's address space: below 4 GiB and away from all
   * memory and devices; 0 for the kernel's own choice. Before the first vCPU. KVM_SET_IDENTITY_MAP_ADDR, api.rst 4.41.
   * x86, Cap.SetIdentityMapAddr.
   */
  setIdentityMapAddr(address: bigint): void {
    this.ioctl(abi.KVM_SET_IDENTITY_MAP_ADDR, BigUint64Array.of(u64(address, 'the address of the identity map')));
  }

  /**
   * Where an Intel host keeps three pages of its own inside the guest's address space: below 4 GiB and away from all
   * memory and devices. KVM_SET_TSS_ADDR, api.rst 4.40. x86, Cap.SetTssAddr.
   *
   * @param address guest-physical.
   * @throws KvmError `ERR_KVM_OUT_OF_RANGE` for an address from 4 GiB on.
   */
  setTssAddr(address: bigint): void {
    this.call(abi.KVM_SET_TSS_ADDR, Number(bigInteger(address, 0n, 0xffff_ffffn, 'the address of the TSS')));
  }

  /** The clock comes before the vCPUs: some of what Xen keeps of them is times of it. */
  protected readonly earlyParts: readonly Part<this>[] = [clockPart, this.#xenPart()];
  protected readonly stateParts = controllerParts;

  #xenPart(): Part<this> {
    const { name, save, restore } = xenVmPart;
    const saved = (vm: this) => ({ vm, isXen: () => isXen(KvmFd.descriptorOf(vm)) });
    return { name, save: (vm) => save(saved(vm)), restore: (vm, bytes) => restore(saved(vm), bytes) };
  }

  /** Controllers are there before the vCPUs, whose local APICs come with them; their state depends on these. */
  protected prepare(own: SavedState): void {
    createControllers(this, (part) => own.has(part));
  }
}
