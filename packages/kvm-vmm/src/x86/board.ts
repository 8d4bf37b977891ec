import { DebugExit } from '../devices/debug-exit.js';
import type { BusRange } from '../devices/device.js';
import type { InterruptLine } from '../devices/interrupt-line.js';
import { com1, Uart } from '../devices/uart/uart.js';
import type { Devices } from '../machine/devices.js';
import type { Wires } from '../machine/wires.js';
import type { GuestRam } from '../memory/guest-ram.js';
import { lowMemoryEnd } from '../memory/memory-map.js';
import type { Dma } from '../virtio/dma.js';
import type { VirtioDevice } from '../virtio/virtio-device.js';
import type { VirtioMmio } from '../virtio/virtio-mmio.js';
import type { Resource } from './acpi/aml/resource.js';
import type { AcpiDevice, Platform } from './acpi/platform.js';
import { acpiTables } from './acpi/tables.js';
import { acpiStart } from './acpi-start.js';
import { HardwareReducedAcpi, hardwareReduced } from './devices/acpi/hardware-reduced.js';
import { I8042 } from './devices/i8042/i8042.js';
import { Pvpanic } from './devices/pvpanic.js';
import { ResetControl } from './devices/reset-control.js';
import { Rtc } from './devices/rtc/rtc.js';
import type { PciSystem } from './pci-system.js';
import { virtioSlot } from './virtio-slots.js';

export interface BoardOptions {
  /** `'pc'`: what Linux expects, with ACPI tables. `'bare'`: a serial port and the debug-exit port. */
  platform: 'pc' | 'bare';
  /** Whether `pci` will be set: its ports contain that of the reset control. */
  hasPci: boolean;
  cpus: number;
  memorySize: number;
  /** Gets the devices. */
  devices: Devices;
  ram: GuestRam;
  line(gsi: number): InterruptLine;
  /** Takes what the guest writes to its console. */
  output(bytes: Uint8Array): void;
  /** The guest polls its console for input, and there is none. */
  starved(times: number): void;
}

/** The interrupts of the platform, by their numbers on a PC; the power button has a free one. */
const Gsi = { Com1: 4, PowerButton: 5, Rtc: 8 } as const;

/** Where a processor begins after a reset, in the last 16 bytes below 1 MiB. */
const resetVector = 0xf_fff0;

/** The devices of the platform, in the thread of the devices. */
export class Board {
  readonly console: Uart;
  pci: PciSystem | undefined;
  readonly #options: BoardOptions;
  #acpi: HardwareReducedAcpi | undefined;
  #rtc: Rtc | undefined;
  readonly #described: AcpiDevice[] = [];
  readonly #virtio: VirtioDevice[] = [];

  constructor(options: BoardOptions) {
    this.#options = options;
    const { devices, platform, line, output, starved } = options;
    // Without a buffer: the console's ring is one, and a guest with interrupts does not poll after its last byte.
    this.console = devices.add(new Uart({ output, outputBuffer: 1, starved, line: line(Gsi.Com1) }));
    devices.add(new DebugExit());
    if (platform === 'pc') this.#addPlatform();
  }

  /** Adds a virtio device behind memory-mapped registers. */
  addVirtio(device: VirtioDevice, dma: Dma, wires: Wires, Transport: typeof VirtioMmio): void {
    const index = this.#virtio.push(device) - 1;
    const { start, length, gsi } = virtioSlot(index);
    const transport = new Transport({ device, dma, start, interrupt: wires.edge(gsi) });
    this.#options.devices.add(transport);
    for (const [queue, { address, value }] of transport.doorbells.entries()) {
      wires.doorbell(address, value, () => transport.common.notify(queue));
    }
    this.#described.push({
      name: `VIO${index.toString(36).toUpperCase()}`,
      hid: 'LNRO0005',
      uid: index,
      resources: [
        { type: 'memory', start, length },
        { type: 'interrupt', gsi },
      ],
    });
  }

  /** Adds a virtio device as one of the PCI bus. */
  addVirtioPci(device: VirtioDevice, dma: Dma, wires: Wires): void {
    this.#virtio.push(device);
    this.pci?.addVirtio(device, dma, wires);
  }

  /** Writes the tables in which the guest finds the devices. */
  describe(): void {
    if (this.#acpi === undefined) return;
    const { start, bytes } = acpiTables(this.#platform(this.#acpi), acpiStart);
    this.#options.ram.write(Number(start), bytes);
    this.#options.ram.write(resetVector, resetCode(this.#acpi));
  }

  /** Milliseconds until `update` is to be called; infinite without a timer. */
  get msUntilUpdate(): number {
    let wait = this.#rtc?.msUntilInterrupt() ?? Number.POSITIVE_INFINITY;
    for (const device of this.#virtio) wait = Math.min(wait, device.msUntilUpdate ?? wait);
    return wait;
  }

  /** Raises the interrupts whose time has come. */
  update(): void {
    this.#rtc?.update();
    for (const device of this.#virtio) device.update?.();
  }

  pressPowerButton(): void {
    this.#acpi?.press();
  }

  #addPlatform(): void {
    const { devices, line, memorySize, hasPci } = this.#options;
    const memoryBelow4GiB = Number(lowMemoryEnd(memorySize));
    const clock = { memoryBelow4GiB, memoryAbove4GiB: memorySize - memoryBelow4GiB };
    const rtc = devices.add(new Rtc({ ...clock, line: line(Gsi.Rtc) }));
    this.#rtc = rtc;
    devices.add(new I8042());
    if (!hasPci) devices.add(new ResetControl());
    const pvpanic = devices.add(new Pvpanic());
    this.#acpi = devices.add(new HardwareReducedAcpi({ line: line(Gsi.PowerButton) }));
    this.#described.push(
      { name: 'COM1', hid: 'PNP0501', resources: [ioOf(com1), { type: 'interrupt', gsi: Gsi.Com1 }] },
      { name: 'RTC', hid: 'PNP0B00', resources: [...rtc.ranges.map(ioOf), { type: 'interrupt', gsi: Gsi.Rtc }] },
      { name: 'PEVT', hid: 'QEMU0001', resources: pvpanic.ranges.map(ioOf) },
    );
  }

  #platform({ ranges }: HardwareReducedAcpi): Platform {
    const pci = this.pci?.described;
    const port = Number(ranges[0]?.start);
    const at = (offset: number): number => port + offset;
    return {
      cpus: this.#options.cpus,
      ...pci,
      devices: [...this.#described, ...(pci?.devices ?? [])],
      reset: { port: at(hardwareReduced.reset), value: hardwareReduced.resetValue },
      sleep: { controlPort: at(hardwareReduced.sleepControl), statusPort: at(hardwareReduced.sleepStatus) },
      powerButton: { gsi: Gsi.PowerButton, eventsPort: at(hardwareReduced.events), mask: hardwareReduced.powerButton },
      rtc: true,
    };
  }
}

/**
 * Resets the machine. Linux with hardware-reduced ACPI and without EFI restarts by a jump to the BIOS, as does a guest
 * that returns to real mode for that.
 */
function resetCode({ ranges }: HardwareReducedAcpi): Uint8Array {
  const port = Number(ranges[0]?.start) + hardwareReduced.reset;
  // mov dx, port; mov al, value; out dx, al; hlt; jmp back to hlt
  return Uint8Array.of(0xba, port & 0xff, port >>> 8, 0xb0, hardwareReduced.resetValue, 0xee, 0xf4, 0xeb, 0xfd);
}

/** A range of ports, as ACPI describes it. */
function ioOf(range: BusRange): Resource {
  return { type: 'io', port: Number(range.start), length: Number(range.length) };
}
