import {
  KVM_REG_ARM_DEMUX,
  KVM_REG_ARM_DEMUX_ID_CCSIDR,
  KVM_REG_ARM_DEMUX_ID_SHIFT,
  KVM_REG_ARM_DEMUX_VAL_MASK,
  KVM_REG_ARM_PSCI_VERSION,
  KVM_REG_ARM_PTIMER_CNT,
  KVM_REG_ARM_PTIMER_CTL,
  KVM_REG_ARM_PTIMER_CVAL,
  KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1,
  KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2,
  KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3,
  KVM_REG_ARM_STD_BMAP,
  KVM_REG_ARM_STD_HYP_BMAP,
  KVM_REG_ARM_TIMER_CNT,
  KVM_REG_ARM_TIMER_CTL,
  KVM_REG_ARM_TIMER_CVAL,
  KVM_REG_ARM_VENDOR_HYP_BMAP,
  KVM_REG_ARM_VENDOR_HYP_BMAP_2,
  RegArch,
  RegSize,
} from '../../abi/arm64/index.js';
import { integer } from '../../struct/check.js';

/** What the firmware that KVM plays to a guest offers it: the ids of pseudo-registers. The bitmaps count before the first run only. */
export const FirmwareReg = Object.freeze({
  psciVersion: KVM_REG_ARM_PSCI_VERSION,
  smcccArchWorkaround1: KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1,
  smcccArchWorkaround2: KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2,
  smcccArchWorkaround3: KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3,
  stdBmap: KVM_REG_ARM_STD_BMAP,
  stdHypBmap: KVM_REG_ARM_STD_HYP_BMAP,
  vendorHypBmap: KVM_REG_ARM_VENDOR_HYP_BMAP,
  vendorHypBmap2: KVM_REG_ARM_VENDOR_HYP_BMAP_2,
});

/**
 * The ids of the generic timers' registers. Those of CNTV_CVAL_EL0 and CNTVCT_EL0 are not what `ARM64_SYS_REG` makes of their
 * encodings: the kernel has them the other way round, for ever.
 */
export const TimerReg = Object.freeze({
  CNTV_CTL_EL0: KVM_REG_ARM_TIMER_CTL,
  CNTV_CVAL_EL0: KVM_REG_ARM_TIMER_CVAL,
  CNTVCT_EL0: KVM_REG_ARM_TIMER_CNT,
  CNTP_CTL_EL0: KVM_REG_ARM_PTIMER_CTL,
  CNTP_CVAL_EL0: KVM_REG_ARM_PTIMER_CVAL,
  CNTPCT_EL0: KVM_REG_ARM_PTIMER_CNT,
});

/** The id of CCSIDR_EL1 as it reads for one selection of CSSELR_EL1: the shape of a cache, of 4 bytes. */
export function ccsidrReg(selection: number): bigint {
  const value = integer(selection, 0, KVM_REG_ARM_DEMUX_VAL_MASK, 'a selection of a cache');
  const which = KVM_REG_ARM_DEMUX + KVM_REG_ARM_DEMUX_ID_CCSIDR * 2 ** KVM_REG_ARM_DEMUX_ID_SHIFT;
  return RegArch.Arm64 | RegSize.U32 | BigInt(which + value);
}
