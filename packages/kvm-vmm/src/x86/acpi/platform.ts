import type { Aml } from './aml/bytes.js';
import type { Resource, Signal } from './aml/resource.js';

/** A device that the guest cannot find by itself. */
export interface AcpiDevice {
  /** Up to four characters, unique: `COM1`. */
  readonly name: string;
  /** `_HID`, by which a driver knows it: `PNP0501`. */
  readonly hid: string;
  /** `_UID`, which tells devices with the same `hid` apart. */
  readonly uid?: number;
  /** `_CRS`. */
  readonly resources?: readonly Resource[];
  /** More objects in its scope. */
  readonly objects?: readonly Aml[];
}

/** An ISA interrupt that is not wired to the input of the I/O APIC with its number, or is signalled differently. */
export interface InterruptOverride extends Omit<Signal, 'shared'> {
  readonly irq: number;
  readonly gsi: number;
}

/** How a Generic Event Device reports a press of the power button. */
export interface PowerButton {
  /** The interrupt, signalled by a high level while there are events. */
  readonly gsi: number;
  /** A register of 4 bytes with the events. A read clears it. */
  readonly eventsPort: number;
  /** The bits of the button in it; 2. */
  readonly mask?: number;
}

/** What tells the guest that it was restored: Microsoft's Virtual Machine Generation ID. */
export interface GenerationId {
  /** Where its 16 bytes are: in memory that the guest does not use otherwise, a multiple of 8. */
  readonly address: bigint;
  /** The bits in the events of `powerButton` that report a new one; 0x40. */
  readonly mask?: number;
}

/** PCI's configuration space in memory, of segment 0. */
export interface Ecam {
  /** Where that of bus 0 begins. */
  readonly start: bigint;
  /** The number of buses, with 1 MiB each. */
  readonly buses: number;
}

/** What ACPI tells the guest about the machine. Addresses are guest-physical. */
export interface Platform {
  /** The number of processors. Their APIC ids are 0 to `cpus - 1`. */
  readonly cpus: number;
  /** The I/O APIC; id 0 at 0xfec0_0000 with the interrupts from GSI 0 on. */
  readonly ioApic?: { readonly id?: number; readonly address?: number; readonly gsiBase?: number };
  /**
   * Hardware-reduced ACPI: no PIC, no PIT, no SCI and none of ACPI's fixed registers. Every interrupt that the guest
   * shall use is one of a device in `devices`. With false, `pm1` is needed; true.
   */
  readonly hardwareReduced?: boolean;
  readonly devices?: readonly AcpiDevice[];
  /** A write of `value` to `port` resets the machine. */
  readonly reset?: { readonly port: number; readonly value: number };
  /**
   * The sleep registers of hardware-reduced ACPI, of a byte each. The guest turns the machine off by a write of
   * `0x20 | (sleepTypeOff << 2)` to the control register.
   */
  readonly sleep?: { readonly controlPort: number; readonly statusPort: number };
  /**
   * Fixed registers: PM1a_STS and PM1a_EN (2 bytes each) at `eventPort`, PM1a_CNT (2 bytes) at `controlPort`. The power
   * button is bit 8 of the first two. The guest turns the machine off by a write of `0x2000 | (sleepTypeOff << 10)` to
   * PM1a_CNT.
   */
  readonly pm1?: {
    readonly eventPort: number;
    readonly controlPort: number;
    /** The interrupt of ACPI's events, signalled by a high level; 9. */
    readonly sci?: number;
  };
  /** A counter of 32 bits that runs at 3.579545 MHz. */
  readonly pmTimerPort?: number;
  /** The power button of hardware-reduced ACPI, an event of a Generic Event Device. */
  readonly powerButton?: PowerButton;
  /** A number of this guest and of no other. Its changes are events of the Generic Event Device of `powerButton`. */
  readonly generationId?: GenerationId;
  /** Whether there are two PICs beside the I/O APIC: not with `hardwareReduced`, else true. */
  readonly pics?: boolean;
  /** The interrupts of ISA that differ from the default. The SCI is added by itself. */
  readonly overrides?: readonly InterruptOverride[];
  /** The table MCFG. The host bridge is one of `devices`. */
  readonly ecam?: Ecam;
  /**
   * Whether there is a real-time clock at ports 0x70 and 0x71, with the century in its register 0x32; false. A guest
   * without one must not look for it.
   */
  readonly rtc?: boolean;
  /** Whether there is a keyboard controller at ports 0x60 and 0x64; false. */
  readonly i8042?: boolean;
  /** Whether there is a VGA adapter; false. */
  readonly vga?: boolean;
}

/** The type of the sleep state S5, soft off, as the guest writes it to its sleep registers. */
export const sleepTypeOff = 5;
