import { AttributesFd } from '../ioctl/attributes.js';
import type { Descriptor } from '../ioctl/descriptor.js';

/** What a FLIC takes, or gives, at a time, at the most. */
const longestList = 32 * 1024 * 1024;

/**
 * A device in the kernel: an interrupt controller of another architecture, the list of a VM's VFIO files. What there is to do with it,
 * its attributes do. `vm.createDevice` makes one; closed, it goes on to exist for as long as the VM does.
 */
export class Device extends AttributesFd<'device'> {
  readonly kind = 'device';
  /** Of `DeviceType`. */
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

  /** @internal The lists of interrupts of s390's FLIC are as long as `attr` says. */
  protected override attributeLength(attr: bigint): number {
    const length = Number(attr & 0xffff_ffffn);
    return this.type === this.abi.DeviceType.Flic && length <= longestList ? length : 0;
  }
}
