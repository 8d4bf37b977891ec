import { KvmError } from '@kvm/core';
import { integer } from '@kvm/core/struct';
import {
  VIRTIO_CONSOLE_DEVICE_READY,
  VIRTIO_CONSOLE_F_MULTIPORT,
  VIRTIO_CONSOLE_PORT_ADD,
  VIRTIO_CONSOLE_PORT_NAME,
  VIRTIO_CONSOLE_PORT_OPEN,
  VIRTIO_CONSOLE_PORT_READY,
  VIRTIO_ID_CONSOLE,
} from '../../abi/virtio/constants.js';
import { VirtioConsoleConfig, VirtioConsoleControl } from '../../abi/virtio/structs.js';
import { checkVersion, type DeviceState } from '../../devices/device.js';
import { bit } from '../features.js';
import type { Queue } from '../queue.js';
import type { VirtioDevice } from '../virtio-device.js';
import { Port, type PortEnd, type PortState, queueSize } from './port.js';

/** The queues of control messages: to the driver, and from it. */
const toDriver = 2;
const fromDriver = 3;
/** The number of the first port. Drivers have a console on port 0, for devices without MULTIPORT. */
const first = 1;

/** What a port has to tell the driver, in this order. */
const messages = [VIRTIO_CONSOLE_PORT_ADD, VIRTIO_CONSOLE_PORT_NAME, VIRTIO_CONSOLE_PORT_OPEN] as const;
const afterReady = bitOf(VIRTIO_CONSOLE_PORT_NAME) | bitOf(VIRTIO_CONSOLE_PORT_OPEN);
const every = bitOf(VIRTIO_CONSOLE_PORT_ADD) | afterReady;

function bitOf(message: number): number {
  return 1 << message;
}

export interface NamedPort {
  readonly name: string;
  readonly end: PortEnd;
}

/**
 * Ports with names: `/dev/virtio-ports/NAME` of Linux. Virtio 1.3, 5.3, with MULTIPORT. What the driver is to be told
 * is a set for each port, so that a driver that asks again and again makes nothing grow.
 */
export class VirtioPorts implements VirtioDevice {
  readonly name: string;
  readonly type = VIRTIO_ID_CONSOLE;
  readonly features: bigint = bit(VIRTIO_CONSOLE_F_MULTIPORT);
  readonly queueSizes: readonly number[];
  readonly inOrder = true;
  readonly config: Uint8Array;
  readonly #ports: readonly Port[];
  readonly #names: readonly Uint8Array[];
  /** The messages of each port that the driver has not got yet: bits of `bitOf`. */
  readonly #untold: number[];
  readonly #control = new VirtioConsoleControl();
  readonly #bytes: Uint8Array = this.#control.bytes;
  #toDriver: Queue | undefined;
  #fromDriver: Queue | undefined;

  constructor(name: string, ports: readonly NamedPort[]) {
    this.name = name;
    this.#ports = ports.map(({ end }) => new Port(end));
    this.#names = ports.map((each) => new TextEncoder().encode(each.name));
    this.#untold = ports.map(() => 0);
    this.queueSizes = Array.from({ length: 2 * (first + ports.length) + 2 }, () => queueSize);
    const config = new VirtioConsoleConfig();
    config.maxNrPorts = first + ports.length;
    this.config = config.bytes;
  }

  attach(): void {}

  activate(queues: readonly (Queue | undefined)[]): void {
    this.#toDriver = queues[toDriver];
    this.#fromDriver = queues[fromDriver];
    for (const [index, port] of this.#ports.entries()) {
      const receive = 2 * (first + index) + 2;
      port.activate(queues[receive], queues[receive + 1]);
    }
  }

  notify(queue: number): void {
    if (queue === fromDriver) this.#listen();
    if (queue === fromDriver || queue === toDriver) {
      this.#tell();
      return;
    }
    const port = this.#ports[(queue >> 1) - 1 - first];
    if (queue % 2 === 0) port?.feed();
    else port?.drain();
  }

  /** The program has written to a port, or read from one. */
  hostChanged(): void {
    for (const port of this.#ports) port.hostChanged();
  }

  reset(): void {
    this.#toDriver = undefined;
    this.#fromDriver = undefined;
    this.#untold.fill(0);
    for (const port of this.#ports) port.reset();
  }

  save(): PortsState {
    return {
      version: 1,
      ports: this.#ports.map((port, index) => ({ ...port.save(), untold: this.#untold[index] as number })),
    };
  }

  load(state: DeviceState): void {
    checkVersion(state, 1, this.name);
    const { ports } = state as PortsState;
    if (!Array.isArray(ports) || ports.length !== this.#ports.length) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `the state of ${this.name} is of other ports`);
    }
    this.reset();
    for (const [index, port] of this.#ports.entries()) {
      const saved = { ...(ports[index] as PortsState['ports'][number]) };
      port.load(saved);
      this.#untold[index] = integer(saved.untold, 0, every, 'the messages of a port') & every;
    }
  }

  /** Takes the driver's messages. */
  #listen(): void {
    const queue = this.#fromDriver;
    if (queue === undefined) return;
    do {
      queue.suppress();
      for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
        // A message is copied, so the driver cannot change it any more.
        if (chain.readInto(0, this.#bytes) === this.#bytes.length) this.#obey();
        queue.push(chain, 0);
      }
      queue.signal();
    } while (queue.listen());
  }

  /** Those of ports that there are not, and unknown ones, say nothing. */
  #obey(): void {
    const { id, event, value } = this.#control;
    if (event === VIRTIO_CONSOLE_DEVICE_READY && value !== 0) {
      for (let i = 0; i < this.#untold.length; i++) this.#owe(i, bitOf(VIRTIO_CONSOLE_PORT_ADD));
    }
    const index = id - first;
    const port = this.#ports[index];
    if (port === undefined) return;
    if (event === VIRTIO_CONSOLE_PORT_READY && value !== 0) this.#owe(index, afterReady);
    if (event === VIRTIO_CONSOLE_PORT_OPEN) {
      port.isOpen = value !== 0;
      port.feed();
    }
  }

  #owe(index: number, set: number): void {
    this.#untold[index] = (this.#untold[index] as number) | set;
  }

  /** Tells the driver what it does not know yet, as far as it has buffers. */
  #tell(): void {
    const queue = this.#toDriver;
    if (queue === undefined) return;
    do {
      queue.suppress();
      this.#fill(queue);
      queue.signal();
    } while (this.#untold.some((set) => set !== 0) && queue.listen());
  }

  #fill(queue: Queue): void {
    for (let index = 0; index < this.#untold.length; index++) {
      for (const message of messages) {
        if (((this.#untold[index] as number) & bitOf(message)) === 0) continue;
        const chain = queue.pop();
        if (chain === undefined) return;
        this.#control.id = first + index;
        this.#control.event = message;
        this.#control.value = 1;
        let length = chain.write(0, this.#bytes);
        if (message === VIRTIO_CONSOLE_PORT_NAME) length += chain.write(length, this.#names[index] as Uint8Array);
        queue.push(chain, length);
        this.#untold[index] = (this.#untold[index] as number) & ~bitOf(message);
      }
    }
  }
}

interface PortsState extends DeviceState {
  readonly ports: readonly (PortState & { readonly untold: number })[];
}
