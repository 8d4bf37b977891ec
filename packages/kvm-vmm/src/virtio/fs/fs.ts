import { VIRTIO_ID_FS } from '../../abi/virtio/constants.js';
import { checkVersion, type DeviceState } from '../../devices/device.js';
import type { Queue } from '../queue.js';
import type { VirtioDevice, VirtioTransport } from '../virtio-device.js';
import { configOf, queueSizes } from './config.js';
import type { ShareOrder } from './fs-order.js';
import type { Host } from './host.js';
import { FuseServer, notARequest } from './server.js';
import type { FsMemory } from './vectors.js';

export interface FsOptions {
  /** Unique within a machine. */
  name: string;
  share: ShareOrder;
  memory: FsMemory;
  host: Host;
  /** Whether to leave the rest of a queue alone for now. */
  isInterrupted?: () => boolean;
}

/** A shared folder. Virtio 1.3, 5.11. Requests block the thread while the host's file system does. */
export class Fs implements VirtioDevice {
  readonly name: string;
  readonly type = VIRTIO_ID_FS;
  readonly features = 0n;
  readonly queueSizes: readonly number[] = queueSizes;
  readonly config: Uint8Array;
  readonly #host: Host;
  readonly #server: FuseServer;
  readonly #isInterrupted: () => boolean;
  #transport: VirtioTransport | undefined;
  #queues: readonly (Queue | undefined)[] = [];

  constructor({ name, share, memory, host, isInterrupted = () => false }: FsOptions) {
    this.name = name;
    this.config = configOf(share.tag);
    this.#host = host;
    this.#server = new FuseServer(host, share, memory);
    this.#isInterrupted = isInterrupted;
  }

  attach(transport: VirtioTransport): void {
    this.#transport = transport;
  }

  activate(queues: readonly (Queue | undefined)[]): void {
    this.#queues = queues;
  }

  notify(index: number): void {
    const queue = this.#queues[index];
    if (queue === undefined) return;
    do {
      queue.suppress();
      while (!this.#isInterrupted()) {
        const chain = queue.pop();
        if (chain === undefined) break;
        const written = this.#server.serve(chain);
        if (written === notARequest) {
          this.#transport?.needsReset();
          return;
        }
        queue.push(chain, written);
      }
      queue.signal();
    } while (!this.#isInterrupted() && queue.listen());
  }

  /** A driver that starts again knows no files. */
  reset(): void {
    this.#queues = [];
    this.#server.clear();
  }

  save(): DeviceState {
    return { version: 1 };
  }

  /** The guest knows files that this process does not: it is told so, and looks them up again. */
  load(state: DeviceState): void {
    checkVersion(state, 1, this.name);
    this.reset();
  }

  /** Closes what the guest has open. The folder belongs to who opened it. */
  close(): void {
    this.#server.clear();
    this.#host.close();
  }
}
