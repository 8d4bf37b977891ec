import * as abi from '../../abi/riscv/index.js';
import { mpStatePart } from '../../state/mp-state.js';
import { registersPart } from '../../state/one-regs.js';
import type { Part } from '../../state/parts.js';
import type { GenericVcpu } from '../../vcpu/vcpu.js';

/** The kinds of registers that say what the vCPU is. */
const shaping: readonly number[] = [abi.KVM_REG_RISCV_CONFIG, abi.KVM_REG_RISCV_ISA_EXT, abi.KVM_REG_RISCV_SBI_EXT];

/**
 * What a vCPU of riscv is made of, in the order it has to be restored in. Its extensions come first: taking one away resets
 * the floating-point registers. Whether the vCPU runs at all comes last.
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
