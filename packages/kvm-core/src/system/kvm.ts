import type { Cap, KvmCpuidEntry2, KvmMsrEntry } from '../abi/x86/index.js';
import * as abi from '../abi/x86/index.js';
import type { BackendName } from '../backend/backend.js';
import { selectBackend } from '../backend/select.js';
import { KvmError } from '../errors/kvm-error.js';
import { Descriptor } from '../ioctl/descriptor.js';
import { KvmFd } from '../ioctl/kvm-fd.js';
import { GuestMemory } from '../memory/guest-memory.js';
import type { StructArray } from '../struct/array.js';
import { given, u32 } from '../struct/check.js';
import { Vm } from '../vm/vm.js';
import { EventFd } from './event-fd.js';
import { msrList } from './msrs.js';
import { openDevice } from './open.js';

export interface KvmOptions {
  /** Which backend; without it `KVM_BACKEND` in the environment, else native where its binary loads, else ffi. */
  backend?: BackendName;
  /** The device; `/dev/kvm`. */
  path?: string;
}

/** The whole of a host's KVM: `/dev/kvm`, open. VMs are made here, and what the host can do is asked here. */
export class Kvm extends KvmFd<'system'> {
  readonly kind = 'system';

  /**
   * Opens KVM and checks that the kernel speaks the one stable version of its API.
   *
   * @throws KvmError `ERR_KVM_UNAVAILABLE` without a device, `ERR_KVM_PERMISSION` when it may not be opened,
   *   `ERR_KVM_BACKEND` when the backend does not load, `ERR_KVM_API_VERSION` when the kernel's API is not version 12.
   */
  static open(options: KvmOptions = {}): Kvm {
    const { backend: name, path = '/dev/kvm' } = given(options, 'the options of Kvm.open');
    const backend = selectBackend(name);
    const kvm = new Kvm(new Descriptor(backend, openDevice(backend, path)));
    try {
      checkApiVersion(kvm, path);
      return kvm;
    } catch (error) {
      kvm.close();
      throw error;
    }
  }

  /** The version of the API: 12, on every kernel since 2.6.22. KVM_GET_API_VERSION, api.rst 4.1. */
  getApiVersion(): number {
    return this.call(abi.KVM_GET_API_VERSION);
  }

  /**
   * What the host says of a capability: 0 if it lacks it, 1 or more if it has it; what more means depends on the capability.
   * KVM_CHECK_EXTENSION, api.rst 4.4. A number that no kernel knows gives 0.
   */
  checkExtension(cap: Cap | number): number {
    return this.call(abi.KVM_CHECK_EXTENSION, u32(cap, 'a capability'));
  }

  /** The bytes of a vCPU that are mapped into the process: the run state and the pages behind it. api.rst 4.5. */
  getVcpuMmapSize(): number {
    return this.call(abi.KVM_GET_VCPU_MMAP_SIZE);
  }

  /**
   * A new VM, without memory or vCPUs. KVM_CREATE_VM, api.rst 4.2.
   *
   * @param type the machine type: 0, but for what an architecture's capabilities offer.
   */
  createVm(type = 0): Vm {
    const mmapSize = this.getVcpuMmapSize();
    return Vm.create(this, this.call(abi.KVM_CREATE_VM, u32(type, 'a machine type')), mmapSize);
  }

  /**
   * RAM for a guest: zeroed, shared with every Worker, taken from the host page by page as it is touched.
   *
   * @param options.size bytes, a multiple of 4096.
   * @throws KvmError `ERR_KVM_OUT_OF_RANGE` when the size is 0, not whole pages, or more than the host has.
   */
  allocateMemory(options: { size: number }): GuestMemory {
    return GuestMemory.allocate(this.opened(), given(options, 'the options of allocateMemory').size);
  }

  /** A kernel counter to signal by: for irqfd here, and for Node's own event loop elsewhere. */
  createEventFd(initial = 0): EventFd {
    return new EventFd(this.opened(), initial);
  }

  /** The MSRs a guest has, which `vcpu.getMsrs` and `setMsrs` take. KVM_GET_MSR_INDEX_LIST, api.rst 4.3. x86. */
  getMsrIndexList(): Uint32Array {
    return this.readList(abi.KVM_GET_MSR_INDEX_LIST).indices;
  }

  /**
   * The MSRs that describe features of the host's KVM, which `getMsrs` here takes. KVM_GET_MSR_FEATURE_INDEX_LIST, api.rst 4.3.
   * x86, Cap.GetMsrFeatures.
   */
  getMsrFeatureIndexList(): Uint32Array {
    return this.readList(abi.KVM_GET_MSR_FEATURE_INDEX_LIST).indices;
  }

  /**
   * The values of feature MSRs. KVM_GET_MSRS, api.rst 4.18. x86, Cap.GetMsrFeatures.
   *
   * @returns one entry for each index, in order; fewer when the kernel stops at one it cannot read.
   */
  getMsrs(indices: ArrayLike<number>): StructArray<KvmMsrEntry> {
    const msrs = msrList(indices);
    msrs.nmsrs = this.call(abi.KVM_GET_MSRS, this.addressOf(msrs));
    return msrs.entries;
  }

  /** The CPUID leaves that this host's CPU and KVM support: what `vcpu.setCpuid2` takes. api.rst 4.46. x86, Cap.ExtCpuid. */
  getSupportedCpuid(): StructArray<KvmCpuidEntry2> {
    return this.readList(abi.KVM_GET_SUPPORTED_CPUID).entries;
  }
}

function checkApiVersion(kvm: Kvm, path: string): void {
  let version: number;
  try {
    version = kvm.getApiVersion();
  } catch (cause) {
    throw new KvmError('ERR_KVM_UNAVAILABLE', `${path} is not KVM: it does not tell a version`, {
      ioctl: 'KVM_GET_API_VERSION',
      cause,
    });
  }
  if (version === abi.KVM_API_VERSION) return;
  throw new KvmError(
    'ERR_KVM_API_VERSION',
    `this kernel's KVM speaks version ${version} of the API, not ${abi.KVM_API_VERSION}`,
    { ioctl: 'KVM_GET_API_VERSION' },
  );
}
