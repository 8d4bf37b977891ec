import { ReadableAttributesFd } from '../ioctl/attributes.js';
import type { Descriptor } from '../ioctl/descriptor.js';
import { KvmFd } from '../ioctl/kvm-fd.js';
import type { MemoryOptions } from '../memory/allocation.js';
import { GuestMemory } from '../memory/guest-memory.js';
import { u32 } from '../struct/check.js';
import { EventFd } from '../vm/event-fd.js';
import { type GenericVm, vmDescriptor } from '../vm/vm.js';
import { Capabilities } from './capabilities.js';

/** What `Kvm` has on every architecture, whose VMs are `V` and whose capabilities are `C`. */
export abstract class GenericKvm<
  V extends GenericVm,
  C extends number = number,
> extends ReadableAttributesFd<'system'> {
  readonly kind = 'system';
  #capabilities: Capabilities<C> | undefined;
  /** @internal The VMs of the architecture. */
  protected abstract readonly vmType: new (
    descriptor: Descriptor,
  ) => V;

  /** The version of the API: 12, on every kernel since 2.6.22. KVM_GET_API_VERSION, api.rst 4.1. */
  getApiVersion(): number {
    return this.call(this.abi.KVM_GET_API_VERSION);
  }

  /**
   * What the host says of a capability: 0 if it lacks it, 1 or more if it has it; what more means depends on the
   * capability. KVM_CHECK_EXTENSION, api.rst 4.4. A number that no kernel knows gives 0.
   */
  checkExtension(cap: number): number {
    return this.ownCapability(cap);
  }

  /**
   * What this host can do, by capability; asked once and remembered. A VM of its own may say more: `vm.checkExtension`.
   */
  capabilities(): Capabilities<C> {
    this.opened();
    this.#capabilities ??= new Capabilities(this.abi, (cap) => this.checkExtension(cap), this.archName);
    return this.#capabilities;
  }

  /**
   * The bytes of a vCPU that are mapped into the process: the run state and the pages behind it.
   * KVM_GET_VCPU_MMAP_SIZE, api.rst 4.5.
   */
  getVcpuMmapSize(): number {
    return this.call(this.abi.KVM_GET_VCPU_MMAP_SIZE);
  }

  /**
   * A new VM, without memory or vCPUs. KVM_CREATE_VM, api.rst 4.2.
   *
   * @param type the machine type: 0, but for what an architecture's capabilities offer.
   */
  createVm(type = 0): V {
    const mmapSize = this.getVcpuMmapSize();
    const fd = this.callForFd(this.abi.KVM_CREATE_VM, u32(type, 'a machine type'));
    return new this.vmType(vmDescriptor(KvmFd.descriptorOf(this), fd, mmapSize));
  }

  /**
   * RAM for a guest: zeroed, shared with every Worker, taken from the host page by page as it is touched.
   *
   * @throws KvmError `ERR_KVM_OUT_OF_RANGE` when the size is 0, not whole pages, or more than can be mapped.
   */
  allocateMemory(options: MemoryOptions): GuestMemory {
    return GuestMemory.allocate(this.opened(), options);
  }

  /** A kernel counter to signal by: for `vm.irqfd` and `vm.ioeventfd`. */
  createEventFd(initial = 0): EventFd {
    return EventFd.create(this.opened(), initial);
  }
}
