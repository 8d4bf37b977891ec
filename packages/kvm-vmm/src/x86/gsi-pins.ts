import { type GsiRoute, IrqChipId } from '@kvm/core';

/** GSIs below are the inputs of the I/O APIC. */
export const gsiPins = 24;
const picPins = 8;

/** The routes with which KVM begins: an ISA interrupt leads to both PIC and I/O APIC, the others to the latter. */
export function kernelPins(): GsiRoute[] {
  return Array.from({ length: gsiPins }, (_, gsi) => {
    const ioApic = { gsi, irqChip: { irqChip: IrqChipId.Ioapic, pin: gsi } };
    if (gsi >= 2 * picPins) return [ioApic];
    const irqChip = gsi < picPins ? IrqChipId.PicMaster : IrqChipId.PicSlave;
    return [{ gsi, irqChip: { irqChip, pin: gsi % picPins } }, ioApic];
  }).flat();
}

/**
 * Whether a write to an address is an interrupt: the local APICs take messages there. Bits 32 to 39 are 0, for KVM
 * refuses others. Intel SDM 3, 11.11.1.
 */
export function isInterruptMessage(address: bigint): boolean {
  return (address & 0xff_fff0_0000n) === 0xfee0_0000n;
}
