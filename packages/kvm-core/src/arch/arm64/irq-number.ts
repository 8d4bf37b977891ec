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
  /** `ArmIrqType.Spi` for one that all vCPUs share, `Ppi` for a vCPU's own, `Cpu` for the pins where no GIC is in the kernel. */
  type: ArmIrqType;
  /** The GIC's number of it: from 32 for an SPI, 16 to 31 for a PPI; of a pin `KVM_ARM_IRQ_CPU_IRQ` or `KVM_ARM_IRQ_CPU_FIQ`. */
  number: number;
  /** The index of the vCPU it is for, where it is one's own; 0. From 256 on Cap.ArmIrqLineLayout2. */
  vcpu?: number;
}

/** The number by which KVM_IRQ_LINE knows an interrupt of arm64, api.rst 4.25: what `vm.irqLine` takes as its line. */
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
