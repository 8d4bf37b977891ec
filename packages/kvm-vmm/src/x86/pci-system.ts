import { InterruptLine } from '../devices/interrupt-line.js';
import type { Devices } from '../machine/devices.js';
import type { Wires } from '../machine/wires.js';
import { lowMemoryEnd } from '../memory/memory-map.js';
import { PciBus } from '../pci/bus.js';
import { HostBridge } from '../pci/host-bridge.js';
import { SharedLine } from '../pci/shared-line.js';
import type { Dma } from '../virtio/dma.js';
import type { VirtioDevice } from '../virtio/virtio-device.js';
import { VirtioPci } from '../virtio/virtio-pci.js';
import { pciHost } from './acpi/pci-host.js';
import type { Platform } from './acpi/platform.js';
import { ioApic } from './devices/ioapic/ioapic.js';
import { PciConfigPorts } from './devices/pci-config-ports.js';

/** In the hole below 4 GiB, where no guest has memory. */
const ecam = 0xe000_0000n;
const memory32 = { start: 0xe800_0000n, length: 0x800_0000n };
/** Above the memory, where processors with 39 bits of addresses have room, too. */
const highStart = 0x40_0000_0000n;
const highLength = 0x10_0000_0000n;
const fourGiB = 0x1_0000_0000n;

/** The pins of PCI devices lead to the inputs of the I/O APIC that are not those of ISA. */
const firstGsi = 16;

export interface PciSystemOptions {
  readonly devices: Devices;
  readonly memorySize: number;
  line(gsi: number): InterruptLine;
}

/** The PCI bus of a PC, with its host bridge and its ports. */
export class PciSystem {
  readonly #devices: Devices;
  readonly #bus: PciBus;
  readonly #lines: readonly SharedLine[];
  readonly #memory64: { readonly start: bigint; readonly length: bigint };
  readonly #interrupts = new Map<number, number>();

  constructor({ devices, memorySize, line }: PciSystemOptions) {
    this.#devices = devices;
    this.#memory64 = { start: highWindow(memorySize), length: highLength };
    this.#bus = devices.add(new PciBus({ ecam, memory32, memory64: this.#memory64 }));
    devices.add(new PciConfigPorts(this.#bus));
    this.#bus.add(devices.add(new HostBridge()));
    this.#lines = Array.from({ length: ioApic.pins - firstGsi }, (_, index) => new SharedLine(line(firstGsi + index)));
  }

  /** Adds a virtio device as the next device of the bus. */
  addVirtio(device: VirtioDevice, dma: Dma, wires: Wires): void {
    const index = this.#bus.functions.length % this.#lines.length;
    const transport = new VirtioPci({
      device,
      dma,
      line: this.#lines[index]?.connect() ?? new InterruptLine(),
      message: () => wires.message(),
      doorbell: (rung) => wires.movableDoorbell(rung, device.doorbell),
    });
    const gsi = firstGsi + index;
    transport.header.interruptLine = gsi;
    this.#interrupts.set(this.#bus.add(this.#devices.add(transport)), gsi);
  }

  /** What the ACPI tables say of it. */
  get described(): Required<Pick<Platform, 'devices' | 'ecam'>> {
    const windows = [memory32, this.#memory64];
    return {
      devices: pciHost({ ecam, windows, interrupts: this.#interrupts }),
      ecam: { start: ecam, buses: 1 },
    };
  }
}

/** The start of the window above 4 GiB: a multiple of its size, above all memory. */
function highWindow(memorySize: number): bigint {
  const end = fourGiB + BigInt(memorySize) - lowMemoryEnd(memorySize);
  const aligned = ((end + highLength - 1n) / highLength) * highLength;
  return aligned > highStart ? aligned : highStart;
}
