import {
  ArmIrqType,
  KVM_ARM_IRQ_NUM_MASK,
  KVM_ARM_IRQ_TYPE_SHIFT,
  KVM_ARM_IRQ_VCPU_MASK,
  KVM_ARM_IRQ_VCPU_SHIFT,
  KVM_ARM_IRQ_VCPU2_MASK,
  KVM_ARM_IRQ_VCPU2_SHIFT,
} from '../../abi/arm64/index.js';
import { integer } from '../../struct/check.js';

/** An interrupt of arm64. */
export interface ArmIrq {
  /**
   * `ArmIrqType.Spi`: shared by all vCPUs. `Ppi`: private to a vCPU. `Cpu`: a pin of a vCPU, without a GIC in the
   * kernel.
   */
  type: ArmIrqType;
  /**
   * The GIC's number: from 32 for an SPI, 16 to 31 for a PPI; `KVM_ARM_IRQ_CPU_IRQ` or `KVM_ARM_IRQ_CPU_FIQ` for a pin.
   */
  number: number;
  /** The index of the vCPU, for a `Ppi` or `Cpu` interrupt; default 0. 256 and above need Cap.ArmIrqLineLayout2. */
  vcpu?: number;
}

/** Encodes an arm64 interrupt as the line number for `vm.irqLine`. KVM_IRQ_LINE, api.rst 4.25. */
export function irqNumber({ type, number, vcpu = 0 }: ArmIrq): number {
  const low = KVM_ARM_IRQ_VCPU_MASK + 1;
  integer(type, ArmIrqType.Cpu, ArmIrqType.Ppi, 'the type of an interrupt');
  integer(number, 0, KVM_ARM_IRQ_NUM_MASK, 'the number of an interrupt');
  integer(vcpu, 0, low * (KVM_ARM_IRQ_VCPU2_MASK + 1) - 1, 'the index of a vCPU');
  return (
    Math.floor(vcpu / low) * 2 ** KVM_ARM_IRQ_VCPU2_SHIFT +
    type * 2 ** KVM_ARM_IRQ_TYPE_SHIFT +
    (vcpu % low) * 2 ** KVM_ARM_IRQ_VCPU_SHIFT +
    number
  );
}
