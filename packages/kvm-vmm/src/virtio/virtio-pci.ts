import { KvmError } from '@kvm/core';
import { integer, optionsOf } from '@kvm/core/struct';
import {
  VIRTIO_ID_9P,
  VIRTIO_ID_BLOCK,
  VIRTIO_ID_CONSOLE,
  VIRTIO_ID_FS,
  VIRTIO_ID_NET,
  VIRTIO_ID_VSOCK,
  VIRTIO_MSI_NO_VECTOR,
  VIRTIO_PCI_ISR_CONFIG,
} from '../abi/virtio/constants.js';
import { RangeMap } from '../bus/range-map.js';
import { type AccessSize, allOnes, type Registers } from '../bus/registers.js';
import { checkVersion, type DeviceState } from '../devices/device.js';
import type { InterruptLine } from '../devices/interrupt-line.js';
import type { PciFunction } from '../pci/bus.js';
import type { ConfigState } from '../pci/config-space.js';
import { Header } from '../pci/header.js';
import type { MessageInterrupt } from '../pci/message-interrupt.js';
import { Msix, type MsixState } from '../pci/msix.js';
import { CommonConfig, type CommonState } from './common-config.js';
import type { Dma } from './dma.js';
import { accessCapability, structureCapabilities } from './pci-capabilities.js';
import { commonRegisters, type PciRegisters } from './pci-common.js';
import { doorbellOffset, doorbellStride, layout, mostQueues } from './pci-layout.js';
import type { VirtioDevice } from './virtio-device.js';

const vendor = 0x1af4;
/** The device id of a modern device is this and its type. */
const firstDevice = 0x1040;
const modern = 1;
/** 24 bits, by the type of the device. The rest has none. */
const classes: Readonly<Record<number, number>> = {
  [VIRTIO_ID_NET]: 0x02_0000,
  [VIRTIO_ID_BLOCK]: 0x01_8000,
  [VIRTIO_ID_CONSOLE]: 0x07_8000,
  [VIRTIO_ID_9P]: 0x01_8000,
  [VIRTIO_ID_VSOCK]: 0x02_8000,
  [VIRTIO_ID_FS]: 0x01_8000,
};
const unclassified = 0xff_0000;

/** Bits of the ISR status: a queue, or the configuration. */
const Isr = { Queue: 1, Config: VIRTIO_PCI_ISR_CONFIG } as const;
const anyIsr = Isr.Queue | Isr.Config;

/** The doorbell of a queue, which the guest rings at the address where the BAR is. */
export interface MovableDoorbell {
  /** Where it is now; undefined for nowhere. */
  place(address: number | undefined): void;
  /** Rings it, wherever it is: `rung` is called after other things of the thread. */
  ring(): void;
}

export interface VirtioPciOptions {
  readonly device: VirtioDevice;
  readonly dma: Dma;
  /** Its interrupt pin, for drivers that do not use MSI-X. */
  readonly line: InterruptLine;
  /** Makes the interrupt of a vector. */
  message(): MessageInterrupt;
  /** Makes a doorbell that saves the exit. Without it, and while it is nowhere, a doorbell is a write to a register. */
  doorbell?(rung: () => void): MovableDoorbell;
}

export interface VirtioPciState extends DeviceState {
  readonly version: 1;
  readonly config: ConfigState;
  readonly msix: MsixState;
  /** The vectors of configuration changes and of each queue. */
  readonly vectors: readonly number[];
  readonly isr: number;
  readonly common: CommonState;
}

/**
 * A virtio device on a PCI bus, modern only: one BAR with the structures of the specification, MSI-X with a vector for
 * each queue and for configuration changes, and an interrupt pin. Virtio 1.3, 4.1.
 */
export class VirtioPci implements PciFunction {
  readonly name: string;
  readonly ranges = [];
  readonly header: Header;
  readonly common: CommonConfig;
  readonly #msix: Msix;
  /** The structures in the BAR. */
  readonly #structures = new RangeMap<Registers>();
  readonly #doorbells: readonly MovableDoorbell[];
  /** The vector of configuration changes, then those of the queues. */
  readonly #vectors: Uint16Array;
  #isr = 0;

  constructor({ device, dma, line, message, doorbell }: VirtioPciOptions) {
    this.name = device.name;
    this.common = new CommonConfig(device, dma, {
      queue: (index) => this.#interrupt(index + 1, Isr.Queue),
      config: () => this.#interrupt(0, Isr.Config),
    });
    const { queueCount } = this.common;
    if (queueCount > mostQueues) {
      throw new KvmError('ERR_KVM_OUT_OF_RANGE', `a virtio device on PCI has up to ${mostQueues} queues`);
    }
    this.#vectors = new Uint16Array(queueCount + 1).fill(VIRTIO_MSI_NO_VECTOR);
    this.#msix = new Msix({
      interrupts: Array.from(this.#vectors, message),
      bar: layout.bar,
      table: layout.table.offset,
      pending: layout.pending.offset,
      written: () => this.#updatePin(),
    });
    this.header = new Header({
      vendor,
      device: firstDevice + device.type,
      subsystem: { vendor, device: firstDevice + device.type },
      class: classes[device.type] ?? unclassified,
      revision: modern,
      bars: [{ index: layout.bar, size: layout.size }],
      capabilities: [
        this.#msix.capability,
        ...structureCapabilities(device.config.length),
        accessCapability({
          read: (offset, size) => this.read(offset, size),
          write: (offset, size, value) => this.write(offset, size, value),
        }),
      ],
      line,
    });
    this.#addStructures();
    this.#doorbells = Array.from({ length: doorbell === undefined ? 0 : queueCount }, (_, queue) =>
      (doorbell as NonNullable<typeof doorbell>)(() => this.common.notify(queue)),
    );
    if (doorbell !== undefined) this.common.postpone = (queue) => this.#doorbells[queue]?.ring();
  }

  read(offset: number, size: AccessSize): number {
    const found = this.#structures.find(offset, size);
    return found === undefined ? allOnes(size) : found.owner.read(offset - found.start, size, 0);
  }

  write(offset: number, size: AccessSize, value: number): void {
    const found = this.#structures.find(offset, size);
    found?.owner.write(offset - found.start, size, value, 0);
  }

  mapped(_bar: number, address: number | undefined): void {
    for (const [queue, doorbell] of this.#doorbells.entries()) {
      doorbell.place(address === undefined ? undefined : address + doorbellOffset(queue));
    }
  }

  save(): VirtioPciState {
    return {
      version: 1,
      config: this.header.save(),
      msix: this.#msix.save(),
      vectors: [...this.#vectors],
      isr: this.#isr,
      common: this.common.save(),
    };
  }

  load(state: VirtioPciState): void {
    const known = ['version', 'config', 'msix', 'vectors', 'isr', 'common'] as const;
    const { config, msix, vectors, isr, common } = optionsOf(state, `the state of ${this.name}`, known);
    checkVersion(state, 1, this.name);
    integer(isr, 0, anyIsr, 'the ISR status');
    if (!Array.isArray(vectors) || vectors.length !== this.#vectors.length) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `the state of ${this.name} is of other vectors`);
    }
    for (const vector of vectors as number[]) {
      if (vector !== VIRTIO_MSI_NO_VECTOR) integer(vector, 0, this.#msix.vectors - 1, 'the vector of a queue');
    }
    const before = this.save();
    try {
      this.#take({ ...before, config, msix, vectors, isr, common });
    } catch (error) {
      this.#take(before);
      throw error;
    }
  }

  #take({ config, msix, vectors, isr, common }: VirtioPciState): void {
    this.header.load(config);
    this.#msix.load(msix);
    this.#vectors.set(vectors);
    this.#isr = isr;
    this.#updatePin();
    this.common.load(common);
  }

  #addStructures(): void {
    const { common } = this;
    const structures: [{ offset: number; length: number }, Registers][] = [
      [layout.common, commonRegisters(common, this.#pciRegisters())],
      [layout.isr, { read: (offset) => (offset === 0 ? this.#takeIsr() : 0), write: () => {} }],
      [
        layout.device,
        {
          read: (offset, size) => common.readConfig(offset, size),
          write: (offset, size, value) => common.writeConfig(offset, size, value),
        },
      ],
      [layout.notify, { read: () => 0, write: (offset) => common.notify(Math.floor(offset / doorbellStride)) }],
      [layout.table, this.#msix.table],
      [layout.pending, this.#msix.pending],
    ];
    for (const [{ offset: start, length }, owner] of structures) {
      this.#structures.add({ start, end: start + length, owner, range: 0 }, 'the structure');
    }
  }

  #pciRegisters(): PciRegisters {
    const vectors = this.#vectors;
    const reset = (): void => this.#reset();
    const { common } = this;
    const vectorOf = (value: number): number => (value < this.#msix.vectors ? value : VIRTIO_MSI_NO_VECTOR);
    return {
      get configVector(): number {
        return vectors[0] as number;
      },
      set configVector(value: number) {
        vectors[0] = vectorOf(value);
      },
      get queueVector(): number {
        return vectors[common.queueSelect + 1] ?? VIRTIO_MSI_NO_VECTOR;
      },
      set queueVector(value: number) {
        vectors[common.queueSelect + 1] = vectorOf(value);
      },
      get deviceStatus(): number {
        return common.status;
      },
      set deviceStatus(value: number) {
        if (value === 0) reset();
        else common.status = value;
      },
    };
  }

  #reset(): void {
    this.common.reset();
    this.#vectors.fill(VIRTIO_MSI_NO_VECTOR);
    this.#isr = 0;
    this.#updatePin();
  }

  /** A read of the ISR status clears it, and lets the pin go. */
  #takeIsr(): number {
    const isr = this.#isr;
    this.#isr = 0;
    this.#updatePin();
    return isr;
  }

  #interrupt(source: number, cause: number): void {
    if (this.#msix.isEnabled) {
      this.#msix.signal(this.#vectors[source] as number);
      return;
    }
    this.#isr |= cause;
    this.#updatePin();
  }

  #updatePin(): void {
    this.header.interrupts = this.#isr !== 0 && !this.#msix.isEnabled;
  }
}
