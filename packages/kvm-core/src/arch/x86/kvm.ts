import type { Cap, KvmCpuidEntry2, KvmMsrEntry } from '../../abi/x86/index.js';
import * as abi from '../../abi/x86/index.js';
import type { StructArray } from '../../struct/array.js';
import { GenericKvm } from '../../system/kvm.js';
import { type KvmOptions, openSystem } from '../../system/open.js';
import { x86 } from './architecture.js';
import { allRead, msrList, type ReadMsrs, readMsrs } from './msrs.js';
import { Vm } from './vm/vm.js';

/** The whole of a host's KVM: `/dev/kvm`, open. VMs are made here, and what the host can do is asked here. */
export class Kvm extends GenericKvm<Vm, Cap> {
  /** @internal */
  protected readonly vmType = Vm;

  /**
   * Opens KVM and checks that the kernel speaks the one stable version of its API.
   *
   * @throws KvmError `ERR_KVM_UNAVAILABLE` without a device, `ERR_KVM_PERMISSION` when it may not be opened,
   *   `ERR_KVM_BACKEND` when the backend does not load, `ERR_KVM_API_VERSION` when the kernel's API is not version 12,
   *   `ERR_KVM_UNSUPPORTED` on a machine of another architecture.
   */
  static open(options: KvmOptions = {}): Kvm {
    return new Kvm(openSystem(x86, options));
  }

  /** The MSRs a guest has, which `vcpu.getMsrs` and `setMsrs` take. KVM_GET_MSR_INDEX_LIST, api.rst 4.3. x86. */
  getMsrIndexList(): Uint32Array {
    return this.readList(abi.KVM_GET_MSR_INDEX_LIST).indices;
  }

  /**
   * The MSRs that describe features of the host's KVM, which `getMsrs` here takes. KVM_GET_MSR_FEATURE_INDEX_LIST,
   * api.rst 4.3. x86, Cap.GetMsrFeatures.
   */
  getMsrFeatureIndexList(): Uint32Array {
    return this.readList(abi.KVM_GET_MSR_FEATURE_INDEX_LIST).indices;
  }

  /**
   * The values of feature MSRs. KVM_GET_MSRS, api.rst 4.18. x86, Cap.GetMsrFeatures.
   *
   * @returns one entry for each index, in order.
   * @throws KvmError `ERR_KVM_UNSUPPORTED` that names the first MSR that cannot be read. `readMsrs` passes over such.
   */
  getMsrs(indices: ArrayLike<number>): StructArray<KvmMsrEntry> {
    const msrs = msrList(indices);
    return allRead(msrs, this.call(abi.KVM_GET_MSRS, this.addressOf(msrs))).entries;
  }

  /** `getMsrs` that passes over MSRs that cannot be read, and tells which they are. Takes a list of any length. */
  readMsrs(indices: ArrayLike<number>): ReadMsrs {
    return readMsrs(indices, (msrs) => this.call(abi.KVM_GET_MSRS, this.addressOf(msrs)));
  }

  /**
   * The features that machine checks of guests can have, as bits of the MSR MCG_CAP. KVM_X86_GET_MCE_CAP_SUPPORTED,
   * api.rst 4.104. x86, Cap.Mce.
   */
  getMceCapSupported(): bigint {
    const features = new BigUint64Array(1);
    this.ioctl(abi.KVM_X86_GET_MCE_CAP_SUPPORTED, features);
    return features[0] as bigint;
  }

  /**
   * The CPUID leaves that this host's CPU and KVM support: what `vcpu.setCpuid2` takes. KVM_GET_SUPPORTED_CPUID,
   * api.rst 4.46. x86, Cap.ExtCpuid.
   */
  getSupportedCpuid(): StructArray<KvmCpuidEntry2> {
    return this.readList(abi.KVM_GET_SUPPORTED_CPUID).entries;
  }

  /**
   * The CPUID leaves whose features KVM emulates though the CPU may lack them: slow, and not among `getSupportedCpuid`.
   * KVM_GET_EMULATED_CPUID, api.rst 4.88. x86, Cap.ExtEmulCpuid.
   */
  getEmulatedCpuid(): StructArray<KvmCpuidEntry2> {
    return this.readList(abi.KVM_GET_EMULATED_CPUID).entries;
  }

  /**
   * The leaves of Hyper-V that guests can be offered, with what depends on a vCPU left out.
   * KVM_GET_SUPPORTED_HV_CPUID, api.rst 4.118. x86, Cap.SysHyperVCpuid.
   */
  getSupportedHvCpuid(): StructArray<KvmCpuidEntry2> {
    return this.readList(abi.KVM_GET_SUPPORTED_HV_CPUID).entries;
  }
}
