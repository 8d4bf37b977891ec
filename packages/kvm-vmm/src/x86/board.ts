import { randomBytes } from 'node:crypto';
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
import { type AcpiHardware, addFullAcpi, addReducedAcpi } from './acpi-hardware.js';
import { acpiStart, generationIdAddress } from './acpi-start.js';
import type { BoardModel } from './board-model.js';
import { FwCfg } from './devices/fw-cfg/fw-cfg.js';
import { I8042 } from './devices/i8042/i8042.js';
import { ioApic } from './devices/ioapic/ioapic.js';
import { Pvpanic } from './devices/pvpanic.js';
import { ResetControl } from './devices/reset-control.js';
import { Rtc } from './devices/rtc/rtc.js';
import { TestDevice } from './devices/test-device.js';
import type { PciSystem } from './pci-system.js';
import { virtioSlot } from './virtio-slots.js';

export interface BoardOptions {
  model: BoardModel;
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

/** The interrupts of the platform, by their numbers on a PC. */
const Gsi = { Com1: 4, Rtc: 8 } as const;

/** Where a processor begins after a reset, in the last 16 bytes below 1 MiB. */
const resetVector = 0xf_fff0;

/** The devices of the platform, in the thread of the devices. */
export class Board {
  readonly console: Uart;
  pci: PciSystem | undefined;
  readonly #options: BoardOptions;
  #acpi: AcpiHardware | undefined;
  #rtc: Rtc | undefined;
  readonly #described: AcpiDevice[] = [];
  readonly #virtio: VirtioDevice[] = [];

  constructor(options: BoardOptions) {
    this.#options = options;
    const { devices, model, line, output, starved } = options;
    // Without a buffer: the console's ring is one, and a guest with interrupts does not poll after its last byte.
    this.console = devices.add(new Uart({ output, outputBuffer: 1, starved, line: line(Gsi.Com1) }));
    devices.add(new DebugExit({ status: model.debugExit }));
    if (model.machine !== 'bare') this.#addPlatform();
    if (model.machine === 'test') this.#addTestDevice();
    if (model.fwCfg !== undefined) this.#addFwCfg(model.fwCfg.files);
  }

  /** Adds a virtio device behind memory-mapped registers. */
  addVirtio(device: VirtioDevice, dma: Dma, wires: Wires, Transport: typeof VirtioMmio): void {
    const index = this.#virtio.push(device) - 1;
    const { start, length, gsi } = virtioSlot(index);
    const transport = new Transport({ device, dma, start, interrupt: wires.edge(gsi, this.#options.line) });
    this.#options.devices.add(transport);
    const { common, doorbells } = transport;
    const { doorbell } = device;
    if (doorbell !== undefined) {
      for (const { address, value } of doorbells) wires.connect(address, value, doorbell);
    } else {
      const rings = doorbells.map(({ address, value }, queue) =>
        wires.doorbell(address, value, () => common.notify(queue)),
      );
      common.postpone = (queue) => rings[queue]?.();
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
    this.#options.ram.write(resetVector, resetCode(this.#acpi.described.reset));
    this.#writeGenerationId();
  }

  /** Tells the guest that it was restored, as others of the same state may be: it gets new random numbers. */
  renew(): void {
    if (this.#acpi === undefined) return;
    this.#writeGenerationId();
    this.#acpi.changeGeneration();
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

  /** Returns when no device uses the guest's memory any more, until `release`. */
  hold(): void {
    for (const device of this.#virtio) device.hold?.();
  }

  release(): void {
    for (const device of this.#virtio) device.release?.();
  }

  pressPowerButton(): void {
    this.#acpi?.press();
  }

  #writeGenerationId(): void {
    this.#options.ram.write(Number(generationIdAddress), randomBytes(16));
  }

  #addPlatform(): void {
    const { devices, line, memorySize, model, hasPci } = this.#options;
    const memoryBelow4GiB = Number(lowMemoryEnd(memorySize));
    const clock = { memoryBelow4GiB, memoryAbove4GiB: memorySize - memoryBelow4GiB };
    const rtc = devices.add(new Rtc({ ...clock, line: line(Gsi.Rtc) }));
    this.#rtc = rtc;
    devices.add(new I8042());
    if (!hasPci) devices.add(new ResetControl());
    const pvpanic = devices.add(new Pvpanic());
    this.#acpi = model.acpi === 'full' ? addFullAcpi(devices, line) : addReducedAcpi(devices, line);
    this.#described.push(
      { name: 'COM1', hid: 'PNP0501', resources: [ioOf(com1), { type: 'interrupt', gsi: Gsi.Com1 }] },
      { name: 'RTC', hid: 'PNP0B00', resources: [...rtc.ranges.map(ioOf), { type: 'interrupt', gsi: Gsi.Rtc }] },
      { name: 'PEVT', hid: 'QEMU0001', resources: pvpanic.ranges.map(ioOf) },
    );
  }

  #addTestDevice(): void {
    const { devices, line, ram } = this.#options;
    const lines = Array.from({ length: ioApic.pins }, (_, gsi) => line(gsi));
    devices.add(
      new TestDevice({
        irqLine: (gsi, level) => lines[gsi]?.set(level),
        flushPage: (guestPhysAddr) => ram.renewPage(Number(guestPhysAddr)),
      }),
    );
  }

  #addFwCfg(files: Readonly<Record<string, Uint8Array>>): void {
    const { devices, cpus, memorySize } = this.#options;
    const fwCfg = devices.add(new FwCfg({ cpus, ramSize: BigInt(memorySize), files }));
    this.#described.push({ name: 'FWCF', hid: 'QEMU0002', resources: fwCfg.ranges.map(ioOf) });
  }

  #platform({ described }: AcpiHardware): Platform {
    const { cpus, model } = this.#options;
    const pci = this.pci?.described;
    return {
      ...described,
      ...pci,
      cpus,
      pics: model.acpi === 'full' && model.interrupts === 'kernel',
      devices: [...this.#described, ...(pci?.devices ?? [])],
      rtc: true,
    };
  }
}

/**
 * Resets the machine. Linux with hardware-reduced ACPI and without EFI restarts by a jump to the BIOS, as does a guest
 * that returns to real mode for that.
 */
function resetCode({ port, value }: NonNullable<Platform['reset']>): Uint8Array {
  // mov dx, port; mov al, value; out dx, al; hlt; jmp back to hlt
  return Uint8Array.of(0xba, port & 0xff, port >>> 8, 0xb0, value, 0xee, 0xf4, 0xeb, 0xfd);
}

/** A range of ports, as ACPI describes it. */
function ioOf(range: BusRange): Resource {
  return { type: 'io', port: Number(range.start), length: Number(range.length) };
}
