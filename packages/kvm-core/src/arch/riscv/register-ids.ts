import type { UserRegsStruct } from '../../abi/riscv/index.js';
import {
  KVM_REG_RISCV_CONFIG,
  KVM_REG_RISCV_CORE,
  KVM_REG_RISCV_CSR,
  KVM_REG_RISCV_CSR_AIA,
  KVM_REG_RISCV_CSR_GENERAL,
  KVM_REG_RISCV_CSR_SMSTATEEN,
  KVM_REG_RISCV_CSR_ZICFISS,
  KVM_REG_RISCV_SBI_FWFT,
  KVM_REG_RISCV_SBI_STA,
  KVM_REG_RISCV_SBI_STATE,
  KVM_REG_RISCV_TIMER,
  KvmRiscvAiaCsr,
  KvmRiscvConfig,
  KvmRiscvCore,
  KvmRiscvCsr,
  KvmRiscvSbiFwft,
  type KvmRiscvSbiFwftFeature,
  KvmRiscvSbiSta,
  KvmRiscvSmstateenCsr,
  KvmRiscvTimer,
  KvmRiscvZicfissCsr,
  RegArch,
  RegSize,
} from '../../abi/riscv/index.js';
import { placesOf } from '../../struct/layout.js';
import type { Struct, StructType } from '../../struct/struct.js';

/** The registers that are members of a struct in the kernel's headers. The number of each is its offset there. */

/** The fields of a struct, by name. */
type FieldOf<T extends Struct> = Exclude<keyof T, keyof Struct> & string;

type Ids<N extends string> = Readonly<Record<N, bigint>>;

/** Every register here has 64 bits: an `unsigned long` or a `__u64`. */
const length = 8;

/** The id of a register of 64 bits. */
export function registerId(kind: number, subtype: number, index: number): bigint {
  return RegArch.RiscV | RegSize.U64 | BigInt(kind + subtype + index);
}

/**
 * The ids of the members of a struct and its nested structs. `name` turns the path of a member, `regs.pc`, into a name.
 */
function ids<N extends string>(
  type: StructType,
  kind: number,
  subtype = 0,
  name: (path: string) => string = (path) => path,
): Ids<N> {
  const entries = [...placesOf(type)].map(([path, { offset }]) => [
    name(path),
    registerId(kind, subtype, offset / length),
  ]);
  return Object.freeze(Object.fromEntries(entries));
}

/** The configuration of the vCPU. Most of it can be set only before the first run. */
export const ConfigReg = ids<FieldOf<KvmRiscvConfig>>(KvmRiscvConfig, KVM_REG_RISCV_CONFIG);

/**
 * The general registers and `pc`, by their names in the calling convention, and `mode`: `KVM_RISCV_MODE_S` or
 * `KVM_RISCV_MODE_U`.
 */
export const CoreReg = ids<FieldOf<UserRegsStruct> | 'mode'>(KvmRiscvCore, KVM_REG_RISCV_CORE, 0, (path) =>
  path.replace('regs.', ''),
);

/** The control and status registers of the guest's supervisor. */
export const Csr = Object.freeze({
  ...ids<FieldOf<KvmRiscvCsr>>(KvmRiscvCsr, KVM_REG_RISCV_CSR, KVM_REG_RISCV_CSR_GENERAL),
  ...ids<FieldOf<KvmRiscvAiaCsr>>(KvmRiscvAiaCsr, KVM_REG_RISCV_CSR, KVM_REG_RISCV_CSR_AIA),
  ...ids<FieldOf<KvmRiscvSmstateenCsr>>(KvmRiscvSmstateenCsr, KVM_REG_RISCV_CSR, KVM_REG_RISCV_CSR_SMSTATEEN),
  ...ids<FieldOf<KvmRiscvZicfissCsr>>(KvmRiscvZicfissCsr, KVM_REG_RISCV_CSR, KVM_REG_RISCV_CSR_ZICFISS),
});

/** The timer: its frequency, its count, when it fires, and its state: `KVM_RISCV_TIMER_STATE_ON` or `_OFF`. */
export const TimerReg = ids<FieldOf<KvmRiscvTimer>>(KvmRiscvTimer, KVM_REG_RISCV_TIMER);

/** The state of the SBI extensions: the address of the stolen time, and the firmware features. */
export const SbiStateReg = Object.freeze({
  ...ids<FieldOf<KvmRiscvSbiSta>>(KvmRiscvSbiSta, KVM_REG_RISCV_SBI_STATE, KVM_REG_RISCV_SBI_STA),
  ...ids<`${FieldOf<KvmRiscvSbiFwft>}.${FieldOf<KvmRiscvSbiFwftFeature>}`>(
    KvmRiscvSbiFwft,
    KVM_REG_RISCV_SBI_STATE,
    KVM_REG_RISCV_SBI_FWFT,
  ),
});
