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

/** A virtual machine: memory, interrupt controllers and vCPUs. `kvm.createVm` creates one. */
export class Vm extends X86VmCalls {
  /** @internal */
  protected readonly vcpuType = Vcpu;

  /**
   * Opens the VM that another thread shared with `share`. This thread closes its own object.
   *
   * @throws KvmError `ERR_KVM_CLOSED` when the sharing thread has closed the VM, `ERR_KVM_INVALID_ARGUMENT` for
   *   anything that `share` did not return.
   */
  static from(shared: SharedVm): Vm {
    return new Vm(adoptVm(x86, shared));
  }

  /**
   * Sets the guest-physical address where an Intel host keeps a one-page identity map: below 4 GiB and away from all
   * memory and devices; 0 for the kernel's own choice. Call this before the first vCPU. KVM_SET_IDENTITY_MAP_ADDR,
   * api.rst 4.41. x86, Cap.SetIdentityMapAddr.
   */
  setIdentityMapAddr(address: bigint): void {
    this.ioctl(abi.KVM_SET_IDENTITY_MAP_ADDR, BigUint64Array.of(u64(address, 'the address of the identity map')));
  }

  /**
   * Sets the guest-physical address where an Intel host keeps three pages: below 4 GiB and away from all memory and
   * devices. KVM_SET_TSS_ADDR, api.rst 4.40. x86, Cap.SetTssAddr.
   *
   * @param address guest-physical.
   * @throws KvmError `ERR_KVM_OUT_OF_RANGE` for an address from 4 GiB on.
   */
  setTssAddr(address: bigint): void {
    this.call(abi.KVM_SET_TSS_ADDR, Number(bigInteger(address, 0n, 0xffff_ffffn, 'the address of the TSS')));
  }

  /** The clock is restored before the vCPUs, whose Xen state has times of this clock. */
  protected readonly earlyParts: readonly Part<this>[] = [clockPart, this.#xenPart()];
  protected readonly stateParts = controllerParts;

  #xenPart(): Part<this> {
    const { name, save, restore } = xenVmPart;
    const saved = (vm: this) => ({ vm, isXen: () => isXen(KvmFd.descriptorOf(vm)) });
    return { name, save: (vm) => save(saved(vm)), restore: (vm, bytes) => restore(saved(vm), bytes) };
  }

  /** Creates the controllers before the vCPUs, because they determine whether a vCPU has a local APIC. */
  protected prepare(own: SavedState): void {
    createControllers(this, (part) => own.has(part));
  }
}
