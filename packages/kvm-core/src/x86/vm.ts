import type { KvmClockData, KvmPitConfig } from '../abi/x86/index.js';
import * as abi from '../abi/x86/index.js';
import { u32, u64 } from '../struct/check.js';
import type { StructInit } from '../struct/struct.js';
import { GenericVm } from '../vm/vm.js';
import { Vcpu } from './vcpu.js';

/** A virtual machine: its memory, its interrupt controllers, its vCPUs. `kvm.createVm` makes one. */
export class Vm extends GenericVm<Vcpu> {
  protected readonly vcpuType = Vcpu;
  readonly #argument = new BigUint64Array(1);

  /** An i8254 timer in the kernel, after `createIrqChip`. KVM_CREATE_PIT2, api.rst 4.71. x86, Cap.Pit2. */
  createPit2(config: KvmPitConfig | StructInit<KvmPitConfig> = {}): void {
    this.write(abi.KVM_CREATE_PIT2, config);
  }

  /** The guest's kvmclock, in nanoseconds, with flags that say how far to trust it. api.rst 4.29. x86, Cap.AdjustClock. */
  getClock(into?: KvmClockData): KvmClockData {
    return this.read(abi.KVM_GET_CLOCK, into);
  }

  /** Sets the guest's kvmclock. KVM_SET_CLOCK, api.rst 4.30. x86, Cap.AdjustClock. */
  setClock(clock: KvmClockData | StructInit<KvmClockData>): void {
    this.write(abi.KVM_SET_CLOCK, clock);
  }

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
