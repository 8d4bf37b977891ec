import { PitFlag, type Vm } from '@kvm/core';
import { InterruptLine } from '../devices/interrupt-line.js';
import type { Devices } from '../machine/devices.js';
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

/** Returns how a device gets the interrupt line of a GSI. Adds the I/O APIC if it is not in the kernel. */
export function connectLines(vm: Vm, { interrupts }: BoardModel, devices: Devices): (gsi: number) => InterruptLine {
  if (interrupts === 'none') return () => new InterruptLine();
  if (interrupts === 'kernel') return (gsi) => new InterruptLine((level) => vm.irqLine(gsi, level));
  const chip = devices.add(
    new IoApic({ route: (routes) => vm.setGsiRouting(routes), raise: (pin) => vm.irqLine(pin, true) }),
  );
  return (gsi) => new InterruptLine((level) => chip.setLine(gsi, level));
}
