import type { InterruptLine } from '../devices/interrupt-line.js';
import type { Devices } from '../machine/devices.js';
import type { Platform } from './acpi/platform.js';
import { generationIdAddress } from './acpi-start.js';
import { FixedAcpi, fixedHardware } from './devices/acpi/fixed-hardware.js';
import { HardwareReducedAcpi, hardwareReduced } from './devices/acpi/hardware-reduced.js';
import { PmTimer } from './devices/acpi/pm-timer.js';

/** The registers of ACPI of a machine. */
export interface AcpiHardware {
  /** What the tables say of them. */
  readonly described: Partial<Platform> & Required<Pick<Platform, 'reset'>>;
  /** Presses the power button. */
  press(): void;
  /** Tells the guest that its generation ID is another one; full ACPI does not. */
  changeGeneration(): void;
}

/** The interrupts of the power button: a free one of ISA, and the SCI. */
const Gsi = { PowerButton: 5, Sci: 9 } as const;

/** Adds the registers of hardware-reduced ACPI. */
export function addReducedAcpi(devices: Devices, line: (gsi: number) => InterruptLine): AcpiHardware {
  const acpi = devices.add(new HardwareReducedAcpi({ line: line(Gsi.PowerButton) }));
  const at = (offset: number): number => Number(acpi.ranges[0]?.start) + offset;
  return {
    described: {
      hardwareReduced: true,
      reset: { port: at(hardwareReduced.reset), value: hardwareReduced.resetValue },
      sleep: { controlPort: at(hardwareReduced.sleepControl), statusPort: at(hardwareReduced.sleepStatus) },
      powerButton: { gsi: Gsi.PowerButton, eventsPort: at(hardwareReduced.events), mask: hardwareReduced.powerButton },
      generationId: { address: generationIdAddress, mask: hardwareReduced.newGeneration },
    },
    press: () => acpi.press(),
    changeGeneration: () => acpi.changeGeneration(),
  };
}

/** Adds the fixed registers of full ACPI, and its timer. */
export function addFullAcpi(devices: Devices, line: (gsi: number) => InterruptLine): AcpiHardware {
  const acpi = devices.add(new FixedAcpi({ line: line(Gsi.Sci) }));
  const timer = devices.add(new PmTimer());
  const port = Number(acpi.ranges[0]?.start);
  return {
    described: {
      hardwareReduced: false,
      // A command of the keyboard controller.
      reset: { port: 0x64, value: 0xfe },
      pm1: {
        eventPort: port + fixedHardware.eventBlock,
        controlPort: port + fixedHardware.controlBlock,
        sci: Gsi.Sci,
      },
      pmTimerPort: Number(timer.ranges[0]?.start),
    },
    press: () => acpi.press(),
    changeGeneration: () => {},
  };
}
