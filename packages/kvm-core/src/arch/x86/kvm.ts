import type { Cap, KvmCpuidEntry2, KvmMsrEntry } from '../../abi/x86/index.js';
import * as abi from '../../abi/x86/index.js';
import type { StructArray } from '../../struct/array.js';
import { GenericKvm } from '../../system/kvm.js';
import { type KvmOptions, openSystem } from '../../system/open.js';
import { x86 } from './architecture.js';
import { type GuestCpuidOptions, guestTable } from './cpuid/guest.js';
import type { CpuidTable } from './cpuid/table.js';
import { allRead, msrList, type ReadMsrs, readMsrs } from './msrs.js';
import { Vm } from './vm/vm.js';

/** The host's KVM: an open `/dev/kvm`. It creates VMs and reports what the host supports. */
export class Kvm extends GenericKvm<Vm, Cap> {
  /** @internal */
  protected readonly vmType = Vm;

  /**
   * Opens KVM and checks that the kernel has the stable version of the API.
   *
   * @throws KvmError `ERR_KVM_UNAVAILABLE` without a device, `ERR_KVM_PERMISSION` without permission to open it,
   *   `ERR_KVM_BACKEND` when the backend does not load, `ERR_KVM_API_VERSION` when the kernel's API is not version 12,
   *   `ERR_KVM_UNSUPPORTED` on a machine of another architecture.
   */
  static open(options: KvmOptions = {}): Kvm {
    return new Kvm(openSystem(x86, options));
  }

  /** The MSRs of guests, for `vcpu.getMsrs` and `setMsrs`. KVM_GET_MSR_INDEX_LIST, api.rst 4.3. x86. */
  getMsrIndexList(): Uint32Array {
    return this.readList(abi.KVM_GET_MSR_INDEX_LIST).indices;
  }

  /**
   * The MSRs that describe features of the host's KVM, for `kvm.getMsrs`. KVM_GET_MSR_FEATURE_INDEX_LIST, api.rst 4.3.
   * x86, Cap.GetMsrFeatures.
   */
  getMsrFeatureIndexList(): Uint32Array {
    return this.readList(abi.KVM_GET_MSR_FEATURE_INDEX_LIST).indices;
  }

  /**
   * The values of feature MSRs. KVM_GET_MSRS, api.rst 4.18. x86, Cap.GetMsrFeatures.
   *
   * @returns one entry for each index, in order.
   * @throws KvmError `ERR_KVM_UNSUPPORTED` that names the first MSR that cannot be read. `readMsrs` skips such MSRs.
   */
  getMsrs(indices: ArrayLike<number>): StructArray<KvmMsrEntry> {
    const msrs = msrList(indices);
    return allRead(msrs, this.call(abi.KVM_GET_MSRS, this.addressOf(msrs))).entries;
  }

  /** Like `getMsrs`, but skips MSRs that cannot be read and returns their indices. Takes a list of any length. */
  readMsrs(indices: ArrayLike<number>): ReadMsrs {
    return readMsrs(indices, (msrs) => this.call(abi.KVM_GET_MSRS, this.addressOf(msrs)));
  }

  /**
   * The machine-check features that guests can have, as bits of the MSR MCG_CAP. KVM_X86_GET_MCE_CAP_SUPPORTED,
   * api.rst 4.104. x86, Cap.Mce.
   */
  getMceCapSupported(): bigint {
    const features = new BigUint64Array(1);
    this.ioctl(abi.KVM_X86_GET_MCE_CAP_SUPPORTED, features);
    return features[0] as bigint;
  }

  /**
   * The CPUID leaves that the host's CPU and KVM support, for `vcpu.setCpuid2`. KVM_GET_SUPPORTED_CPUID, api.rst 4.46.
   * x86, Cap.ExtCpuid.
   */
  getSupportedCpuid(): StructArray<KvmCpuidEntry2> {
    return this.readList(abi.KVM_GET_SUPPORTED_CPUID).entries;
  }

  /**
   * A CPUID table for a vCPU of a guest: `getSupportedCpuid` with the topology of `cpus` processors, and with the
   * features that it leaves to the program. These are HYPERVISOR, without which a guest does not look for KVM's clock,
   * and the TSC deadline timer if the host has Cap.TscDeadlineTimer; many kernels list neither. You may edit the table
   * before `vcpu.setCpuid2`. KVM_GET_SUPPORTED_CPUID. x86, Cap.ExtCpuid.
   *
   * @throws KvmError `ERR_KVM_OUT_OF_RANGE` for an `apicId` that is too large for `cpus`.
   */
  guestCpuid(options: GuestCpuidOptions = {}): CpuidTable {
    return guestTable(this.getSupportedCpuid(), options, this.checkExtension(abi.Cap.TscDeadlineTimer) > 0);
  }

  /**
   * The CPUID leaves of features that KVM emulates if the CPU lacks them. They are slow, and not in
   * `getSupportedCpuid`. KVM_GET_EMULATED_CPUID, api.rst 4.88. x86, Cap.ExtEmulCpuid.
   */
  getEmulatedCpuid(): StructArray<KvmCpuidEntry2> {
    return this.readList(abi.KVM_GET_EMULATED_CPUID).entries;
  }

  /**
   * The Hyper-V CPUID leaves that guests can get, without what depends on a vCPU. KVM_GET_SUPPORTED_HV_CPUID, api.rst
   * 4.118. x86, Cap.SysHyperVCpuid.
   */
  getSupportedHvCpuid(): StructArray<KvmCpuidEntry2> {
    return this.readList(abi.KVM_GET_SUPPORTED_HV_CPUID).entries;
  }
}
