import * as abi from '../../abi/riscv/index.js';
import { mpStatePart } from '../../state/mp-state.js';
import { registersPart } from '../../state/one-regs.js';
import type { Part } from '../../state/parts.js';
import type { GenericVcpu } from '../../vcpu/vcpu.js';

/** The kinds of registers that configure the vCPU. */
const shaping: readonly number[] = [abi.KVM_REG_RISCV_CONFIG, abi.KVM_REG_RISCV_ISA_EXT, abi.KVM_REG_RISCV_SBI_EXT];

/**
 * The parts of the state of a riscv vCPU, in the order of restoring. Extensions come first, because turning one off
 * resets the floating-point registers. The MP state comes last.
 */
export const vcpuStateParts: readonly Part<GenericVcpu>[] = [
  registersPart({
    vcpuOf: (vcpu) => vcpu,
    sizeOf: abi.KVM_REG_SIZE,
    has: () => true,
    first: (id) => shaping.includes(Number(id & BigInt(abi.KVM_REG_RISCV_TYPE_MASK))),
  }),
  mpStatePart((vcpu) => vcpu),
];
