import type { KvmNestedState, KvmRun } from '../../../abi/x86/index.js';
import * as abi from '../../../abi/x86/index.js';
import { objectOf } from '../../../struct/check.js';
import { Struct, type StructInit } from '../../../struct/struct.js';
import { GenericVcpu } from '../../../vcpu/vcpu.js';
import type { Exit } from '../exit.js';

/** The calls for the state of a guest that is a hypervisor itself. */
export abstract class X86VcpuNested extends GenericVcpu<Exit, KvmRun> {
  /**
   * The state of nested virtualisation, of VMX or SVM (`format`): a header, and its data in `data`. `size` is their
   * length in bytes together, at most the value of Cap.NestedState. KVM_GET_NESTED_STATE, api.rst 4.114. x86,
   * Cap.NestedState.
   */
  getNestedState(): KvmNestedState {
    const size = Math.max(abi.KvmNestedState.size, this.hostCapability(abi.Cap.NestedState));
    const state = abi.KvmNestedState.at(new Uint8Array(size));
    state.size = size;
    return this.read(abi.KVM_GET_NESTED_STATE, state);
  }

  /**
   * Sets the state of nested virtualisation: the result of `getNestedState`, or the fields of a header without data.
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
