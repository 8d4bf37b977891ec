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

/**
 * The ids of the pseudo-registers that describe the firmware which KVM emulates for a guest. The bitmaps can be set
 * only before the first run.
 */
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
 * The ids of the registers of the generic timers. `ARM64_SYS_REG` does not give the right ids of CNTV_CVAL_EL0 and
 * CNTVCT_EL0: they are swapped in the kernel's ABI.
 */
export const TimerReg = Object.freeze({
  CNTV_CTL_EL0: KVM_REG_ARM_TIMER_CTL,
  CNTV_CVAL_EL0: KVM_REG_ARM_TIMER_CVAL,
  CNTVCT_EL0: KVM_REG_ARM_TIMER_CNT,
  CNTP_CTL_EL0: KVM_REG_ARM_PTIMER_CTL,
  CNTP_CVAL_EL0: KVM_REG_ARM_PTIMER_CVAL,
  CNTPCT_EL0: KVM_REG_ARM_PTIMER_CNT,
});

/** The id of CCSIDR_EL1 for one value of CSSELR_EL1: the geometry of the selected cache, of 4 bytes. */
export function ccsidrReg(selection: number): bigint {
  const value = integer(selection, 0, KVM_REG_ARM_DEMUX_VAL_MASK, 'a selection of a cache');
  const which = KVM_REG_ARM_DEMUX + KVM_REG_ARM_DEMUX_ID_CCSIDR * 2 ** KVM_REG_ARM_DEMUX_ID_SHIFT;
  return RegArch.Arm64 | RegSize.U32 | BigInt(which + value);
}
