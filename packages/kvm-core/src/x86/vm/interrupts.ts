import type { KvmPitConfig } from '../../abi/x86/index.js';
import * as abi from '../../abi/x86/index.js';
import type { StructInit } from '../../struct/struct.js';
import { GenericVm } from '../../vm/vm.js';
import type { Vcpu } from '../vcpu/vcpu.js';

/** The interrupt controllers and timers of a PC. */
export abstract class X86VmInterrupts extends GenericVm<Vcpu> {
  /** An i8254 timer in the kernel, after `createIrqChip`. KVM_CREATE_PIT2, api.rst 4.71. x86, Cap.Pit2. */
  createPit2(config: KvmPitConfig | StructInit<KvmPitConfig> = {}): void {
    this.write(abi.KVM_CREATE_PIT2, config);
  }
}
