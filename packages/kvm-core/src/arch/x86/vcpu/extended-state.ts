import type { KvmRun, KvmXcrs, KvmXsave } from '../../../abi/x86/index.js';
import * as abi from '../../../abi/x86/index.js';
import { list, objectOf } from '../../../struct/check.js';
import { Struct, type StructInit } from '../../../struct/struct.js';
import { GenericVcpu } from '../../../vcpu/vcpu.js';
import type { Exit } from '../exit.js';

/** The calls for the state that XSAVE saves: x87, SSE, AVX and later extensions. */
export abstract class X86VcpuExtendedState extends GenericVcpu<Exit, KvmRun> {
  /**
   * The extended state, in the layout of the XSAVE instruction, on hosts where it fits in 4096 bytes. `getXsave2` works
   * on all. KVM_GET_XSAVE, api.rst 4.42. x86, Cap.Xsave.
   */
  getXsave(into?: KvmXsave): KvmXsave {
    return this.read(abi.KVM_GET_XSAVE, into);
  }

  /**
   * The extended state, in the layout of the XSAVE instruction. Its length is the value of Cap.Xsave2, which grows when
   * the process allows more state to its guests. KVM_GET_XSAVE2, api.rst 4.134. x86, Cap.Xsave2.
   *
   * @param into at least that long, for example the result of an earlier call.
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
   * @param xsave as long as the value of Cap.Xsave2, if the host has it: the result of `getXsave2`.
   * @throws KvmError `ERR_KVM_OUT_OF_RANGE` for a shorter one, because the kernel would read past its end.
   */
  setXsave(xsave: StructInit<KvmXsave>): void {
    this.write(abi.KVM_SET_XSAVE, xsave);
  }

  /**
   * The extended control registers, which select the states that XSAVE saves. KVM_GET_XCRS, api.rst 4.44. x86,
   * Cap.Xcrs.
   */
  getXcrs(into?: KvmXcrs): KvmXcrs {
    return this.read(abi.KVM_GET_XCRS, into);
  }

  /**
   * Sets the listed extended control registers: `{ xcrs: [{ xcr: 0, value: 7n }] }`. `nrXcrs` defaults to the length of
   * the list. KVM_SET_XCRS, api.rst 4.45. x86, Cap.Xcrs.
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
