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

/** Bytes of guest memory that have a tag: it takes a byte here. */
const granule = 16;
const longest = 2 ** 31 - 1;

/** A virtual machine: its memory, its interrupt controllers, its vCPUs. `kvm.createVm` makes one. */
export class Vm extends /* @__PURE__ */ withGroups(GenericVm<Vcpu>, VmStart<Vcpu>, VmSaving<Vcpu>) {
  /** @internal */
  protected readonly vcpuType = Vcpu;
  protected readonly earlyParts = [];
  protected readonly stateParts = [];

  protected prepare(): void {}

  /**
   * The same VM, in the Worker that was sent what `share` gave: to be closed there.
   *
   * @throws KvmError `ERR_KVM_CLOSED` when it is closed there already, `ERR_KVM_INVALID_ARGUMENT` for what no VM gave.
   */
  static from(shared: SharedVm): Vm {
    return new Vm(adoptVm(arm64, shared));
  }

  /**
   * The processor this host can be a vCPU of: its `target` is what `vcpu.init` wants. KVM_ARM_PREFERRED_TARGET, api.rst 4.83. arm64.
   *
   * @throws KvmError `ERR_KVM_SYSCALL` with ENODEV when this host has none.
   */
  preferredTarget(): KvmVcpuInit {
    return this.read(abi.KVM_ARM_PREFERRED_TARGET);
  }

  /**
   * Where a device in the kernel is in the guest's memory: the way of the first GICv2, whose device attributes do the same.
   * KVM_ARM_SET_DEVICE_ADDR, api.rst 4.85. arm64, Cap.ArmSetDeviceAddr.
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
   * Sets by how many ticks the guest's counters, the virtual and the physical one, are behind the host's; from then on setting the
   * counters' registers does nothing. KVM_ARM_SET_COUNTER_OFFSET, api.rst 4.138. arm64, Cap.CounterOffset.
   */
  setCounterOffset(counterOffset: bigint): void {
    this.write(abi.KVM_ARM_SET_COUNTER_OFFSET, { counterOffset });
  }

  /**
   * The tags of guest memory, a byte for every 16: of all that was asked for, or of what there was before memory that has none.
   * KVM_ARM_MTE_COPY_TAGS, api.rst 4.130. arm64, Cap.ArmMte.
   *
   * @param guestIpa where, whole pages.
   * @param length of how many bytes of guest memory, whole pages.
   */
  copyMteTagsFromGuest(guestIpa: bigint, length: number): Uint8Array<ArrayBuffer> {
    const tags = new Uint8Array(this.#taggedPages(guestIpa, length) / granule);
    const done = this.#copyTags(guestIpa, tags, abi.KVM_ARM_TAGS_FROM_GUEST);
    return tags.slice(0, done / granule);
  }

  /**
   * Sets the tags of guest memory, a byte for every 16. KVM_ARM_MTE_COPY_TAGS, api.rst 4.130. arm64, Cap.ArmMte.
   *
   * @param guestIpa where, whole pages.
   * @param tags of whole pages.
   * @returns of how many bytes of guest memory: fewer where memory that has none follows.
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
   * Which bits of the registers that identify the processor may be set: one mask for each, at the place `KVM_ARM_FEATURE_ID_RANGE_IDX`
   * gives for its op0 to op2. KVM_ARM_GET_REG_WRITABLE_MASKS, api.rst 4.139. arm64, Cap.ArmSupportedRegMaskRanges.
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
