import { type GsiRoute, IrqChipId, PitFlag, type Vm } from '@kvm/core';
import { InterruptLine } from '../devices/interrupt-line.js';
import type { Devices } from '../machine/devices.js';
import type { GsiRoutes } from '../machine/gsi-routes.js';
import type { BoardModel } from './board-model.js';
import { IoApic, ioApic } from './devices/ioapic/ioapic.js';

/** Creates what the kernel has of the interrupt controllers and timers of a machine, before its first vCPU. */
export function createInterruptControllers(vm: Vm, { interrupts, acpi }: BoardModel): void {
  if (interrupts === 'split') vm.createSplitIrqChip(ioApic.pins);
  if (interrupts !== 'kernel') return;
  vm.createIrqChip();
  // Port 0x61, by which guests measure time with the timer's third channel, comes with this flag.
  if (acpi === 'full') vm.createPit2({ flags: PitFlag.SpeakerDummy });
}

/** The inputs of each PIC. */
const picPins = 8;

/**
 * The routes with which the VM begins. In the kernel an ISA interrupt leads to both PIC and I/O APIC, the others to the
 * latter.
 */
export function firstRoutes({ interrupts }: BoardModel): readonly GsiRoute[] {
  if (interrupts !== 'kernel') return [];
  return Array.from({ length: ioApic.pins }, (_, gsi) => {
    const input = { gsi, irqChip: { irqChip: IrqChipId.Ioapic, pin: gsi } };
    if (gsi >= 2 * picPins) return [input];
    const irqChip = gsi < picPins ? IrqChipId.PicMaster : IrqChipId.PicSlave;
    return [{ gsi, irqChip: { irqChip, pin: gsi % picPins } }, input];
  }).flat();
}

/**
 * Whether a write to an address is an interrupt: the local APICs take messages there. Bits 32 to 39 are 0, for KVM
 * refuses others. Intel SDM 3, 11.11.1.
 */
export function isInterruptMessage(address: bigint): boolean {
  return (address & 0xff_fff0_0000n) === 0xfee0_0000n;
}

/** Returns how a device gets the interrupt line of a GSI. Adds the I/O APIC if it is not in the kernel. */
export function connectLines(
  vm: Vm,
  { interrupts }: BoardModel,
  devices: Devices,
  routes: GsiRoutes,
): (gsi: number) => InterruptLine {
  if (interrupts === 'none') return () => new InterruptLine();
  if (interrupts === 'kernel') return (gsi) => new InterruptLine((level) => vm.irqLine(gsi, level));
  const chip = devices.add(
    new IoApic({
      route: (pins) => {
        routes.pins = pins;
      },
      raise: (pin) => vm.irqLine(pin, true),
    }),
  );
  return (gsi) => new InterruptLine((level) => chip.setLine(gsi, level));
}
