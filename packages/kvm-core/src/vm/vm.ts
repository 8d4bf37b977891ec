import { Descriptor } from '../ioctl/descriptor.js';
import { KvmFd } from '../ioctl/kvm-fd.js';
import { integer, u32 } from '../struct/check.js';
import { type GenericVcpu, type VcpuParts, vcpuParts } from '../vcpu/vcpu.js';
import { VmInterrupts } from './interrupts.js';
import type { Slot } from './memory.js';

/** @internal What a VM is made of. */
export interface VmParts {
  readonly descriptor: Descriptor;
  /** Bytes of a vCPU that are mapped. */
  readonly mmapSize: number;
  readonly slots: Map<number, Slot>;
}

/** @internal */
export function vmParts(parent: Descriptor, fd: number, mmapSize: number): VmParts {
  const slots = new Map<number, Slot>();
  const descriptor = new Descriptor(parent.arch, parent.backend, fd, parent, () => {
    for (const { release } of slots.values()) release();
    slots.clear();
  });
  return { descriptor, mmapSize, slots };
}

/** What a VM has on every architecture. */
export abstract class GenericVm<C extends GenericVcpu = GenericVcpu> extends VmInterrupts {
  /** The vCPUs of the architecture. */
  protected abstract readonly vcpuType: new (
    parts: VcpuParts,
  ) => C;
  readonly #mmapSize: number;

  /** @internal `kvm.createVm`. */
  constructor({ descriptor, mmapSize, slots }: VmParts) {
    super(descriptor, slots);
    this.#mmapSize = mmapSize;
  }

  /**
   * What this VM says of a capability; it may say more than the host does in general. KVM_CHECK_EXTENSION, api.rst 4.4.
   * Cap.CheckExtensionVm.
   */
  checkExtension(cap: number): number {
    return this.call(this.abi.KVM_CHECK_EXTENSION, u32(cap, 'a capability'));
  }

  /**
   * A new vCPU. KVM_CREATE_VCPU, api.rst 4.7.
   *
   * @param id a number below what Cap.MaxVcpuId gives, of which each vCPU has its own; on x86 also its APIC ID.
   */
  createVcpu(id: number): C {
    this.opened();
    const limit = this.queryExtension(this.abi.Cap.MaxVcpuId) || this.queryExtension(this.abi.Cap.MaxVcpus);
    integer(id, 0, limit - 1, 'a vCPU id');
    const fd = this.call(this.abi.KVM_CREATE_VCPU, id);
    return new this.vcpuType(vcpuParts(KvmFd.descriptorOf(this), fd, id, this.#mmapSize, this.dirtyRingBytes));
  }

  /**
   * Turns on a capability of this VM that is off by default. KVM_ENABLE_CAP, api.rst 4.37. Cap.EnableCapVm.
   *
   * @param args what the capability takes: up to four numbers.
   */
  enableCap(cap: number, args: readonly bigint[] = [], flags = 0): void {
    this.enable(cap, args, flags);
  }
}
