import { ReadableAttributesFd } from '../ioctl/attributes.js';
import type { Descriptor } from '../ioctl/descriptor.js';
import { KvmFd } from '../ioctl/kvm-fd.js';
import type { MemoryOptions } from '../memory/allocation.js';
import { GuestMemory } from '../memory/guest-memory.js';
import { u32 } from '../struct/check.js';
import { EventFd } from '../vm/event-fd.js';
import { type GenericVm, vmDescriptor } from '../vm/vm.js';
import { Capabilities } from './capabilities.js';

/** The part of `Kvm` that is common to all architectures. `V` is the architecture's VM, `C` its capabilities. */
export abstract class GenericKvm<
  V extends GenericVm,
  C extends number = number,
> extends ReadableAttributesFd<'system'> {
  readonly kind = 'system';
  #capabilities: Capabilities<C> | undefined;
  /** @internal The VM class of the architecture. */
  protected abstract readonly vmType: new (
    descriptor: Descriptor,
  ) => V;

  /** The version of the API: 12, on every kernel since 2.6.22. KVM_GET_API_VERSION, api.rst 4.1. */
  getApiVersion(): number {
    return this.call(this.abi.KVM_GET_API_VERSION);
  }

  /**
   * The host's value for a capability: 0 if it lacks it, 1 or more if it has it. The meaning of larger values depends
   * on the capability. KVM_CHECK_EXTENSION, api.rst 4.4. A number that the kernel does not know gives 0.
   */
  checkExtension(cap: number): number {
    return this.ownCapability(cap);
  }

  /** The capabilities of this host, cached. A VM may have more: `vm.checkExtension`. */
  capabilities(): Capabilities<C> {
    this.opened();
    this.#capabilities ??= new Capabilities(this.abi, (cap) => this.checkExtension(cap));
    return this.#capabilities;
  }

  /**
   * The size in bytes of a vCPU's mapping: the run state and the pages after it. KVM_GET_VCPU_MMAP_SIZE, api.rst 4.5.
   */
  getVcpuMmapSize(): number {
    return this.call(this.abi.KVM_GET_VCPU_MMAP_SIZE);
  }

  /**
   * Creates a VM without memory or vCPUs. KVM_CREATE_VM, api.rst 4.2.
   *
   * @param type the machine type: 0, or a type that the architecture's capabilities offer.
   */
  createVm(type = 0): V {
    const mmapSize = this.getVcpuMmapSize();
    const fd = this.callForFd(this.abi.KVM_CREATE_VM, u32(type, 'a machine type'));
    return new this.vmType(vmDescriptor(KvmFd.descriptorOf(this), fd, mmapSize));
  }

  /**
   * Allocates RAM for a guest: zeroed, and shareable with every Worker. The host provides each page on first access.
   *
   * @throws KvmError `ERR_KVM_OUT_OF_RANGE` if the size is 0, not a multiple of the page size, or more than can be
   * mapped.
   */
  allocateMemory(options: MemoryOptions): GuestMemory {
    return GuestMemory.allocate(this.opened(), options);
  }

  /** Creates an eventfd, a kernel counter used for signalling: for `vm.irqfd` and `vm.ioeventfd`. */
  createEventFd(initial = 0): EventFd {
    return EventFd.create(this.opened(), initial);
  }
}
