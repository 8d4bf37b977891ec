import {
  KVM_REG_RISCV_FP_D,
  KVM_REG_RISCV_FP_F,
  KVM_REG_RISCV_ISA_EXT,
  KVM_REG_RISCV_ISA_SINGLE,
  KVM_REG_RISCV_SBI_EXT,
  KVM_REG_RISCV_SBI_SINGLE,
  KVM_REG_RISCV_VECTOR,
  KVM_REG_RISCV_VECTOR_REG,
  KVM_REG_SIZE_SHIFT,
  RegArch,
  RegSize,
  RiscvIsaExt,
  RiscvSbiExt,
} from '../../abi/riscv/index.js';
import { KvmError } from '../../errors/kvm-error.js';
import { integer } from '../../struct/check.js';
import { registerId } from './register-ids.js';

/** The registers that turn extensions on and off, and the registers that extensions add. */

function switches<N extends string>(
  extensions: Readonly<Record<N, number>>,
  kind: number,
  subtype: number,
): Readonly<Record<N, bigint>> {
  const entries = Object.entries<number>(extensions);
  return Object.freeze(
    Object.fromEntries(entries.map(([name, number]) => [name, registerId(kind, subtype, number)])),
  ) as Readonly<Record<N, bigint>>;
}

/**
 * The extensions of the instruction set, each 1 (on) or 0 (off). Those that the host supports are on, and can be turned
 * off before the first run.
 */
export const IsaExtReg = switches(RiscvIsaExt, KVM_REG_RISCV_ISA_EXT, KVM_REG_RISCV_ISA_SINGLE);

/** The extensions of the SBI, each 1 (on) or 0 (off). They can be set before the first run. */
export const SbiExtReg = switches(RiscvSbiExt, KVM_REG_RISCV_SBI_EXT, KVM_REG_RISCV_SBI_SINGLE);

const floatRegisters = 32;

function floatId(kind: number, size: RegSize, index: number): bigint {
  return RegArch.RiscV | size | BigInt(kind + index);
}

/** One of the 32 floating-point registers of the extension F, of 4 bytes. */
export function floatReg(number: number): bigint {
  return floatId(KVM_REG_RISCV_FP_F, RegSize.U32, integer(number, 0, floatRegisters - 1, 'a register'));
}

/** One of the 32 floating-point registers of the extension D, of 8 bytes. */
export function doubleReg(number: number): bigint {
  return floatId(KVM_REG_RISCV_FP_D, RegSize.U64, integer(number, 0, floatRegisters - 1, 'a register'));
}

/** The floating-point control and status register, of 4 bytes, of the extensions F and D. */
export const FcsrReg = Object.freeze({
  f: floatId(KVM_REG_RISCV_FP_F, RegSize.U32, floatRegisters),
  d: floatId(KVM_REG_RISCV_FP_D, RegSize.U32, floatRegisters),
});

/** The vector control registers, in the kernel's order. */
export const VectorCsr = Object.freeze({
  vstart: registerId(KVM_REG_RISCV_VECTOR, 0, 0),
  vl: registerId(KVM_REG_RISCV_VECTOR, 0, 1),
  vtype: registerId(KVM_REG_RISCV_VECTOR, 0, 2),
  vcsr: registerId(KVM_REG_RISCV_VECTOR, 0, 3),
  vlenb: registerId(KVM_REG_RISCV_VECTOR, 0, 4),
});

/**
 * One of the 32 vector registers.
 *
 * @param vlenb its length in bytes: the value of the register `VectorCsr.vlenb`.
 */
export function vectorReg(number: number, vlenb: number): bigint {
  integer(number, 0, 31, 'a register');
  const exponent = Math.log2(integer(vlenb, 1, 2 ** 15, 'vlenb'));
  if (!Number.isInteger(exponent)) {
    throw new KvmError('ERR_KVM_OUT_OF_RANGE', `vlenb must be a power of two, not ${vlenb}`);
  }
  const size = BigInt(exponent) << BigInt(KVM_REG_SIZE_SHIFT);
  return RegArch.RiscV | size | BigInt(KVM_REG_RISCV_VECTOR) | KVM_REG_RISCV_VECTOR_REG(number);
}
