import {
  KVM_REG_ARM_CORE,
  KVM_SPSR_ABT,
  KVM_SPSR_EL1,
  KVM_SPSR_FIQ,
  KVM_SPSR_IRQ,
  KVM_SPSR_UND,
  KvmRegs,
  RegArch,
  RegSize,
} from '../../abi/arm64/index.js';
import { type Place, placesOf } from '../../struct/layout.js';

/** The whole numbers below `N`. */
export type Below<N extends number, Found extends number[] = []> = Found['length'] extends N
  ? Found[number]
  : Below<N, [...Found, Found['length']]>;

/** The vector registers, of 16 bytes each. A vCPU with SVE has other ids for them: `KVM_REG_ARM64_SVE_ZREG`. */
export type VectorRegName = `v${Below<32>}`;

/** The core registers of 8 bytes, and those of 4 bytes: `fpsr` and `fpcr`. */
export type ScalarRegName =
  | `x${Below<31>}`
  | 'sp'
  | 'pc'
  | 'pstate'
  | 'spEl1'
  | 'elrEl1'
  | 'spsrEl1'
  | 'spsrAbt'
  | 'spsrUnd'
  | 'spsrIrq'
  | 'spsrFiq'
  | 'fpsr'
  | 'fpcr';

/** The core registers of arm64: the members of `struct kvm_regs`. `sp` is the stack pointer of EL0. */
export type CoreRegName = ScalarRegName | VectorRegName;

/** The unit of a core register's number: it is `offsetof(struct kvm_regs, …) / sizeof(__u32)`. */
const unit = 4;

const sizes: Readonly<Record<number, RegSize>> = { 4: RegSize.U32, 8: RegSize.U64, 16: RegSize.U128 };

const places = placesOf(KvmRegs);

/** The id of one part of a field that consists of several parts of one size. */
function partId(field: string, part = 0, parts = 1): bigint {
  const { offset, size } = places.get(field) as Place;
  const each = size / parts;
  const index = BigInt((offset + part * each) / unit);
  return RegArch.Arm64 | (sizes[each] as bigint) | BigInt(KVM_REG_ARM_CORE) | index;
}

function numbered(prefix: string, field: string, count: number): [string, bigint][] {
  return Array.from({ length: count }, (_, i) => [`${prefix}${i}`, partId(field, i, count)]);
}

function spsr(bank: number): bigint {
  return partId('spsr', bank, new KvmRegs().spsr.length);
}

const { regs, fpRegs } = new KvmRegs();

/** The ids of the core registers, for `getOneReg` and `setOneReg`. `getCoreReg` and `setCoreReg` take the names. */
export const CoreReg: Readonly<Record<CoreRegName, bigint>> = Object.freeze(
  Object.fromEntries([
    ...numbered('x', 'regs.regs', regs.regs.length),
    ...(['sp', 'pc', 'pstate'] as const).map((field) => [field, partId(`regs.${field}`)]),
    ['spEl1', partId('spEl1')],
    ['elrEl1', partId('elrEl1')],
    ['spsrEl1', spsr(KVM_SPSR_EL1)],
    ['spsrAbt', spsr(KVM_SPSR_ABT)],
    ['spsrUnd', spsr(KVM_SPSR_UND)],
    ['spsrIrq', spsr(KVM_SPSR_IRQ)],
    ['spsrFiq', spsr(KVM_SPSR_FIQ)],
    ...numbered('v', 'fpRegs.vregs', fpRegs.vregs.length),
    ['fpsr', partId('fpRegs.fpsr')],
    ['fpcr', partId('fpRegs.fpcr')],
  ]),
);
