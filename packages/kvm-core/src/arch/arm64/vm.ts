import type { KvmVcpuInit } from '../../abi/arm64/index.js';
import * as abi from '../../abi/arm64/index.js';
import { withGroups } from '../../ioctl/groups.js';
import { adoptVm, type SharedVm } from '../../ioctl/shared-vm.js';
import { pageSize } from '../../memory/page-size.js';
import { wholePages, wholePages64 } from '../../memory/sizes.js';
import { VmSaving } from '../../state/vm-saving.js';
import { bytesGiven } from '../../struct/bytes.js';
import { integer, u64 } from '../../struct/check.js';
import { VmStart } from '../../threads/vm-start.js';
import { GenericVm } from '../../vm/vm.js';
import { arm64 } from './architecture.js';
import { Vcpu } from './vcpu.js';

/** Bytes of guest memory per tag. The kernel copies each tag as one byte. */
const granule = 16;
const longest = 2 ** 31 - 1;

/** A virtual machine: memory, interrupt controllers and vCPUs. `kvm.createVm` creates one. */
export class Vm extends /* @__PURE__ */ withGroups(GenericVm<Vcpu>, VmStart<Vcpu>, VmSaving<Vcpu>) {
  /** @internal */
  protected readonly vcpuType = Vcpu;
  protected readonly earlyParts = [];
  protected readonly stateParts = [];

  protected prepare(): void {}

  /**
   * Opens the VM that another thread shared with `share`. This thread closes its own object.
   *
   * @throws KvmError `ERR_KVM_CLOSED` when the sharing thread has closed the VM, `ERR_KVM_INVALID_ARGUMENT` for
   *   anything that `share` did not return.
   */
  static from(shared: SharedVm): Vm {
    return new Vm(adoptVm(arm64, shared));
  }

  /**
   * The kind of processor that vCPUs can be on this host: pass its `target` to `vcpu.init`. KVM_ARM_PREFERRED_TARGET,
   * api.rst 4.83. arm64.
   *
   * @throws KvmError `ERR_KVM_SYSCALL` with ENODEV when the host has no such target.
   */
  preferredTarget(): KvmVcpuInit {
    return this.read(abi.KVM_ARM_PREFERRED_TARGET);
  }

  /**
   * Sets the guest-physical address of a device in the kernel. This is the older call for a GICv2, whose device
   * attributes do the same. KVM_ARM_SET_DEVICE_ADDR, api.rst 4.85. arm64, Cap.ArmSetDeviceAddr.
   *
   * @param device `KVM_ARM_DEVICE_VGIC_V2`.
   * @param type `KVM_VGIC_V2_ADDR_TYPE_DIST` or `KVM_VGIC_V2_ADDR_TYPE_CPU`.
   */
  setDeviceAddr(device: number, type: number, addr: bigint): void {
    integer(device, 0, 0xffff, 'a device');
    integer(type, 0, 0xffff, 'the type of an address');
    const id = BigInt(device * 2 ** abi.KVM_ARM_DEVICE_ID_SHIFT + type * 2 ** abi.KVM_ARM_DEVICE_TYPE_SHIFT);
    this.write(abi.KVM_ARM_SET_DEVICE_ADDR, { id, addr: u64(addr, 'an address') });
  }

  /**
   * Sets the number of ticks by which the guest's virtual and physical counters are behind the host's. After this call,
   * setting the counter registers has no effect. KVM_ARM_SET_COUNTER_OFFSET, api.rst 4.138. arm64, Cap.CounterOffset.
   */
  setCounterOffset(counterOffset: bigint): void {
    this.write(abi.KVM_ARM_SET_COUNTER_OFFSET, { counterOffset });
  }

  /**
   * Copies the tags of guest memory, one byte for every 16. The copy ends early at memory without tags.
   * KVM_ARM_MTE_COPY_TAGS, api.rst 4.130. arm64, Cap.ArmMte.
   *
   * @param guestIpa the guest-physical address, a multiple of the page size.
   * @param length bytes of guest memory, a multiple of the page size.
   */
  copyMteTagsFromGuest(guestIpa: bigint, length: number): Uint8Array<ArrayBuffer> {
    const tags = new Uint8Array(this.#taggedPages(guestIpa, length) / granule);
    const done = this.#copyTags(guestIpa, tags, abi.KVM_ARM_TAGS_FROM_GUEST);
    return tags.slice(0, done / granule);
  }

  /**
   * Sets the tags of guest memory, one byte for every 16. KVM_ARM_MTE_COPY_TAGS, api.rst 4.130. arm64, Cap.ArmMte.
   *
   * @param guestIpa the guest-physical address, a multiple of the page size.
   * @param tags the tags of whole pages.
   * @returns the bytes of guest memory whose tags were set: fewer than asked for if memory without tags follows.
   */
  copyMteTagsToGuest(guestIpa: bigint, tags: Uint8Array): number {
    const own = bytesGiven(tags, 'tags').slice();
    this.#taggedPages(guestIpa, own.length * granule);
    return this.#copyTags(guestIpa, own, abi.KVM_ARM_TAGS_TO_GUEST);
  }

  #taggedPages(guestIpa: bigint, length: number): number {
    integer(length, pageSize, longest, 'the length of tagged memory');
    wholePages(length, 'the length of tagged memory');
    wholePages64(guestIpa, 'guestIpa');
    return length;
  }

  #copyTags(guestIpa: bigint, tags: Uint8Array, direction: number): number {
    const argument = abi.KvmArmCopyMteTags.from({
      guestIpa,
      length: BigInt(tags.length * granule),
      addr: BigInt(this.opened().address(tags)),
      flags: BigInt(direction),
    });
    return this.call(abi.KVM_ARM_MTE_COPY_TAGS, this.addressOf(argument, [tags]));
  }

  /**
   * The writable bits of the registers that identify the processor: one mask for each register, at the index that
   * `KVM_ARM_FEATURE_ID_RANGE_IDX` computes from its op0 to op2. KVM_ARM_GET_REG_WRITABLE_MASKS, api.rst 4.139. arm64,
   * Cap.ArmSupportedRegMaskRanges.
   */
  getRegWritableMasks(): BigUint64Array {
    const masks = new BigUint64Array(abi.KVM_ARM_FEATURE_ID_RANGE_SIZE);
    const argument = abi.RegMaskRange.from({
      addr: BigInt(this.opened().address(masks)),
      range: abi.KVM_ARM_FEATURE_ID_RANGE,
    });
    this.call(abi.KVM_ARM_GET_REG_WRITABLE_MASKS, this.addressOf(argument, [masks]));
    return masks;
  }
}
