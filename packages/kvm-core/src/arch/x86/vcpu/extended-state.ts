import type { KvmRun, KvmXcrs, KvmXsave } from '../../../abi/x86/index.js';
import * as abi from '../../../abi/x86/index.js';
import { list, objectOf } from '../../../struct/check.js';
import { Struct, type StructInit } from '../../../struct/struct.js';
import { GenericVcpu } from '../../../vcpu/vcpu.js';
import type { Exit } from '../exit.js';

/** The state that XSAVE saves: x87, SSE, AVX and what came after. */
export abstract class X86VcpuExtendedState extends GenericVcpu<Exit, KvmRun> {
  /**
   * The extended state, in the layout of the XSAVE instruction, for hosts where 4096 bytes hold it; `getXsave2` is for all.
   * KVM_GET_XSAVE, api.rst 4.42. x86, Cap.Xsave.
   */
  getXsave(into?: KvmXsave): KvmXsave {
    return this.read(abi.KVM_GET_XSAVE, into);
  }

  /**
   * The extended state, in the layout of the XSAVE instruction: as many bytes as Cap.Xsave2 says, which grow where the process has
   * allowed its guests more state. KVM_GET_XSAVE2, api.rst 4.134. x86, Cap.Xsave2.
   *
   * @param into at least that long: what an earlier call gave.
   */
  getXsave2(into: KvmXsave = this.roomForXsave()): KvmXsave {
    return this.read(abi.KVM_GET_XSAVE2, into);
  }

  private roomForXsave(): KvmXsave {
    const { size, elementSize, withCapacity } = abi.KvmXsave;
    const longer = Math.max(0, this.hostCapability(abi.Cap.Xsave2) - size);
    return withCapacity.call(abi.KvmXsave as never, Math.ceil(longer / elementSize)) as KvmXsave;
  }

  /**
   * Sets the extended state. KVM_SET_XSAVE, api.rst 4.43. x86, Cap.Xsave.
   *
   * @param xsave as long as Cap.Xsave2 says, where the host has that: what `getXsave2` gave.
   * @throws KvmError `ERR_KVM_OUT_OF_RANGE` for a shorter one, for the kernel would read past its end.
   */
  setXsave(xsave: StructInit<KvmXsave>): void {
    this.write(abi.KVM_SET_XSAVE, xsave);
  }

  /** The extended control registers: which states XSAVE saves. KVM_GET_XCRS, api.rst 4.44. x86, Cap.Xcrs. */
  getXcrs(into?: KvmXcrs): KvmXcrs {
    return this.read(abi.KVM_GET_XCRS, into);
  }

  /**
   * Sets the extended control registers that are given: `{ xcrs: [{ xcr: 0, value: 7n }] }`, whose number follows from the list.
   * KVM_SET_XCRS, api.rst 4.45. x86, Cap.Xcrs.
   */
  setXcrs(xcrs: StructInit<KvmXcrs>): void {
    if (!(xcrs instanceof Struct)) {
      const { nrXcrs = list(xcrs.xcrs ?? [], 'the extended control registers').length } = objectOf(xcrs, 'XCRs');
      this.write(abi.KVM_SET_XCRS, { ...xcrs, nrXcrs });
    } else {
      this.write(abi.KVM_SET_XCRS, xcrs);
    }
  }
}
