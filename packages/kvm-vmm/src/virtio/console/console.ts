import { VIRTIO_CONSOLE_F_EMERG_WRITE, VIRTIO_CONSOLE_F_SIZE, VIRTIO_ID_CONSOLE } from '../../abi/virtio/constants.js';
import { VirtioConsoleConfig } from '../../abi/virtio/structs.js';
import { checkVersion, type DeviceState } from '../../devices/device.js';
import { bit } from '../features.js';
import type { Queue } from '../queue.js';
import type { VirtioDevice, VirtioTransport } from '../virtio-device.js';
import { unpackSize } from './console-plan.js';
import { Port, type PortEnd, type PortState, queueSize } from './port.js';

/** The offset of the register of emergency writes. */
const emergency = 8;

export interface VirtioConsoleOptions {
  name: string;
  end: PortEnd;
  /** The size that the program wants: one word, of `packSize`. */
  size: Int32Array;
  /** The driver is ready: the guest reads its console. */
  started?: () => void;
}

/**
 * A console, alone on its device: `hvc0` of Linux. Virtio 1.3, 5.3. Without MULTIPORT its size is in the configuration
 * space, where drivers agree about the order of columns and rows.
 */
export class VirtioConsole implements VirtioDevice {
  readonly name: string;
  readonly type = VIRTIO_ID_CONSOLE;
  readonly features: bigint = bit(VIRTIO_CONSOLE_F_SIZE) | bit(VIRTIO_CONSOLE_F_EMERG_WRITE);
  readonly queueSizes: readonly number[] = [queueSize, queueSize];
  readonly inOrder = true;
  readonly #config = new VirtioConsoleConfig();
  readonly config: Uint8Array = this.#config.bytes;
  readonly #end: PortEnd;
  readonly #port: Port;
  readonly #size: Int32Array;
  readonly #started: () => void;
  #transport: VirtioTransport | undefined;

  constructor({ name, end, size, started = () => {} }: VirtioConsoleOptions) {
    this.name = name;
    this.#end = end;
    this.#port = new Port(end);
    this.#size = size;
    this.#started = started;
    this.#config.maxNrPorts = 1;
    this.#takeSize();
  }

  attach(transport: VirtioTransport): void {
    this.#transport = transport;
  }

  /** Virtio 1.3, 5.3.4: a byte of output, even of a driver that has no queues yet. What has no room is lost. */
  writeConfig(offset: number, _size: number, value: number): void {
    if (offset !== emergency) return;
    const { output } = this.#end;
    output.write(Uint8Array.of(value & 0xff));
    if (output.takeSleepingReader()) this.#end.wakeReader();
  }

  activate([receive, transmit]: readonly (Queue | undefined)[]): void {
    this.#port.activate(receive, transmit);
    this.#port.isOpen = true;
    this.#started();
  }

  notify(queue: number): void {
    if (queue === 0) this.#port.feed();
    else this.#port.drain();
  }

  /** The program has written or read, or wants another size. */
  hostChanged(): void {
    if (this.#takeSize()) this.#transport?.configChanged();
    this.#port.hostChanged();
  }

  reset(): void {
    this.#port.reset();
  }

  save(): ConsoleState {
    return { version: 1, port: this.#port.save() };
  }

  load(state: DeviceState): void {
    checkVersion(state, 1, this.name);
    const { port } = state as ConsoleState;
    this.#port.load({ ...port });
  }

  /** Returns whether the size is another one. */
  #takeSize(): boolean {
    const { columns, rows } = unpackSize(Atomics.load(this.#size, 0));
    if (this.#config.cols === columns && this.#config.rows === rows) return false;
    this.#config.cols = columns;
    this.#config.rows = rows;
    return true;
  }
}

interface ConsoleState extends DeviceState {
  readonly port: PortState;
}
