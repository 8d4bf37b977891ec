import type { Slot } from '../ioctl/descriptor.js';
import { Descriptor, keepUntilClosed, type VmFacts } from '../ioctl/descriptor.js';
import { withGroups } from '../ioctl/groups.js';
import { KvmFd } from '../ioctl/kvm-fd.js';
import { type SharedVm, shareVm } from '../ioctl/shared-vm.js';
import { StatsFd } from '../ioctl/stats-fd.js';
import { integer } from '../struct/check.js';
import { createResources, type VcpuResources } from '../vcpu/resources.js';
import type { GenericVcpu } from '../vcpu/vcpu.js';
import { VmDevices } from './devices.js';
import { VmDirtyLog } from './dirty-log.js';
import { VmGuestMemfd } from './guest-memfd.js';
import { VmInterrupts } from './interrupts.js';
import { VmIoEvents } from './io-events.js';
import { VmMemory } from './memory.js';

/** @internal */
export function vmDescriptor(parent: Descriptor, fd: number, mmapSize: number): Descriptor {
  const slots = new Map<number, Slot>();
  const end = (): void => {
    for (const { release } of slots.values()) release();
    slots.clear();
  };
  return new Descriptor(parent.arch, parent.backend, fd, parent, end, { mmapSize, dirtyRingBytes: 0, slots });
}

/** The calls of a VM on every architecture. */
const VmCalls = /* @__PURE__ */ withGroups(
  KvmFd<'vm'>,
  StatsFd<'vm'>,
  VmMemory,
  VmGuestMemfd,
  VmDirtyLog,
  VmIoEvents,
  VmDevices,
  VmInterrupts,
);

/** The part of `Vm` that is common to all architectures. */
export abstract class GenericVm<C extends GenericVcpu = GenericVcpu> extends VmCalls {
  readonly kind = 'vm';
  protected readonly facts: VmFacts;
  /** The descriptors of the vCPUs created here, by id. A WeakRef to a vCPU would keep it until the event loop turns. */
  protected readonly made = new Map<number, Descriptor>();
  /** @internal The vCPU class of the architecture. */
  protected abstract readonly vcpuType: new (
    resources: VcpuResources,
  ) => C;

  /** @internal `kvm.createVm`. */
  constructor(descriptor: Descriptor) {
    super(descriptor);
    if (descriptor.vm === undefined) throw new TypeError('this descriptor is no VM');
    this.facts = descriptor.vm;
  }

  /**
   * The value of a capability for this VM, which may differ from the host's. KVM_CHECK_EXTENSION, api.rst 4.4.
   * Cap.CheckExtensionVm.
   */
  checkExtension(cap: number): number {
    return this.ownCapability(cap);
  }

  /**
   * Creates a vCPU. KVM_CREATE_VCPU, api.rst 4.7.
   *
   * @param id a number below the value of Cap.MaxVcpuId, unique in the VM; on x86 also the APIC ID.
   */
  createVcpu(id: number): C {
    this.opened();
    const limit = this.cachedCapability(this.abi.Cap.MaxVcpuId) || this.cachedCapability(this.abi.Cap.MaxVcpus);
    integer(id, 0, limit - 1, 'a vCPU id');
    const fd = this.callForFd(this.abi.KVM_CREATE_VCPU, id);
    const { mmapSize, dirtyRingBytes } = this.facts;
    const parts = createResources(KvmFd.descriptorOf(this), fd, id, mmapSize, dirtyRingBytes);
    this.made.set(id, parts.descriptor);
    return new this.vcpuType(parts);
  }

  /**
   * Returns a handle to send to another Worker with `postMessage`. `Vm.from` turns it into a `Vm` of the same guest
   * there, with its own descriptor. Keep this object open until then. From now on only `close` ends this object, not
   * garbage collection. From now on the guest's memory slots are fixed, except for their flags, for as long as the VM
   * exists.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` if a slot has memory mapped from a file, `ERR_KVM_UNSAFE` if the kernel
   *   has addresses of memory that only this thread keeps: Xen's shared pages.
   */
  share(): SharedVm {
    this.opened();
    const descriptor = KvmFd.descriptorOf(this);
    const shared = shareVm(descriptor);
    keepUntilClosed(descriptor);
    return shared;
  }

  /**
   * Enables a capability of this VM that is off by default. KVM_ENABLE_CAP, api.rst 4.37. Cap.EnableCapVm.
   *
   * @param args the arguments of the capability: up to four numbers.
   */
  enableCap(cap: number, args: readonly bigint[] = [], flags = 0): void {
    this.enableCapability(cap, args, flags);
  }
}
