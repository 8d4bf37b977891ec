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

/** The calls of a VM that every architecture has. */
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

/** What a VM has on every architecture. */
export abstract class GenericVm<C extends GenericVcpu = GenericVcpu> extends VmCalls {
  readonly kind = 'vm';
  protected readonly facts: VmFacts;
  /** The descriptors of the vCPUs made here, by id. A WeakRef of a vCPU would keep it until the event loop turns. */
  protected readonly made = new Map<number, Descriptor>();
  /** @internal The vCPUs of the architecture. */
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
   * What this VM says of a capability; it may say more than the host does in general. KVM_CHECK_EXTENSION, api.rst 4.4.
   * Cap.CheckExtensionVm.
   */
  checkExtension(cap: number): number {
    return this.ownCapability(cap);
  }

  /**
   * A new vCPU. KVM_CREATE_VCPU, api.rst 4.7.
   *
   * @param id a number below what Cap.MaxVcpuId gives, of which each vCPU has its own; on x86 also its APIC ID.
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
   * What to send to another Worker with `postMessage`: `Vm.from` makes a VM of it there, of the same guest, with a descriptor of its own.
   * Keep this one open until it has. From now on only `close` ends this object, and not garbage collection. The guest's memory stays as it
   * is, but for flags, for as long as the VM lives.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` where a slot has memory mapped from a file, `ERR_KVM_UNSAFE` where the kernel has
   *   addresses of memory that only this thread keeps: Xen's shared pages.
   */
  share(): SharedVm {
    this.opened();
    const descriptor = KvmFd.descriptorOf(this);
    const shared = shareVm(descriptor);
    keepUntilClosed(descriptor);
    return shared;
  }

  /**
   * Turns on a capability of this VM that is off by default. KVM_ENABLE_CAP, api.rst 4.37. Cap.EnableCapVm.
   *
   * @param args what the capability takes: up to four numbers.
   */
  enableCap(cap: number, args: readonly bigint[] = [], flags = 0): void {
    this.enableCapability(cap, args, flags);
  }
}
