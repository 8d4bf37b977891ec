import type { KvmNestedState, KvmRun } from '../../../abi/x86/index.js';
import * as abi from '../../../abi/x86/index.js';
import { objectOf } from '../../../struct/check.js';
import { Struct, type StructInit } from '../../../struct/struct.js';
import { GenericVcpu } from '../../../vcpu/vcpu.js';
import type { Exit } from '../exit.js';

/** The state of a guest that is a hypervisor itself. */
export abstract class X86VcpuNested extends GenericVcpu<Exit, KvmRun> {
  /**
   * What the processor keeps of a nested guest, of VMX or SVM as `format` says: a header, and in `data` up to as many bytes as
   * Cap.NestedState says; `size` is how many there are, header and all. KVM_GET_NESTED_STATE, api.rst 4.114. x86, Cap.NestedState.
   */
  getNestedState(): KvmNestedState {
    const size = Math.max(abi.KvmNestedState.size, this.hostCapability(abi.Cap.NestedState));
    const state = abi.KvmNestedState.at(new Uint8Array(size));
    state.size = size;
    return this.read(abi.KVM_GET_NESTED_STATE, state);
  }

  /**
   * Puts such a state back: what `getNestedState` gave, or the fields of a header, which has no data.
   * KVM_SET_NESTED_STATE, api.rst 4.115. x86, Cap.NestedState.
   */
  setNestedState(state: StructInit<KvmNestedState>): void {
    const { size } = abi.KvmNestedState;
    this.write(
      abi.KVM_SET_NESTED_STATE,
      state instanceof Struct ? state : { size, ...objectOf(state, 'the nested state') },
    );
  }
}
