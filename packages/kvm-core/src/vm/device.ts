import { AttributesFd } from '../ioctl/attributes.js';
import type { Descriptor } from '../ioctl/descriptor.js';

/** The most bytes that a FLIC takes or returns in one call. */
const longestList = 32 * 1024 * 1024;

/**
 * A device that the kernel emulates: an interrupt controller of another architecture, or the list of a VM's VFIO files.
 * Its attributes control it. `vm.createDevice` creates one. A closed device continues to exist as long as its VM.
 */
export class Device extends AttributesFd<'device'> {
  readonly kind = 'device';
  /** One of `DeviceType`. */
  readonly type: number;

  /** @internal `vm.createDevice`. */
  constructor(descriptor: Descriptor, type: number) {
    super(descriptor);
    this.type = type;
  }

  /** @internal */
  protected override shown(): object {
    return { type: this.type };
  }

  /** @internal For lists of interrupts of s390's FLIC, `attr` is the length. */
  protected override attributeLength(attr: bigint): number {
    const length = Number(attr & 0xffff_ffffn);
    return this.type === this.abi.DeviceType.Flic && length <= longestList ? length : 0;
  }
}
