import { randomFillSync } from 'node:crypto';
import { VIRTIO_ID_RNG } from '../abi/virtio/constants.js';
import { checkVersion, type DeviceState } from '../devices/device.js';
import type { Queue } from './queue.js';
import { TokenBucket } from './token-bucket.js';
import type { VirtioDevice } from './virtio-device.js';

/** Bytes that are made at once. A driver gets the rest of a large buffer when it asks again. */
const most = 4096;

export interface VirtioRngOptions {
  name: string;
  /** How much a guest gets, so that it cannot keep the host busy. */
  bytesPerSecond: number;
  /** Milliseconds, of a clock that does not jump. */
  clock?: () => number;
}

/** Virtio 1.3, 5.4: random bytes from the host, of the kind that is fit for keys. */
export class VirtioRng implements VirtioDevice {
  readonly name: string;
  readonly type = VIRTIO_ID_RNG;
  readonly features = 0n;
  readonly queueSizes: readonly number[] = [64];
  readonly inOrder = true;
  readonly config: Uint8Array = new Uint8Array(0);
  readonly #bytes = new Uint8Array(most);
  readonly #bucket: TokenBucket;
  #queue: Queue | undefined;
  /** Whether a driver waits for bytes that the rate does not allow yet. */
  #waits = false;

  constructor({ name, bytesPerSecond, clock = () => performance.now() }: VirtioRngOptions) {
    this.name = name;
    this.#bucket = new TokenBucket(bytesPerSecond, clock);
  }

  attach(): void {}

  activate([queue]: readonly (Queue | undefined)[]): void {
    this.#queue = queue;
  }

  /** Milliseconds until `update` is to be called. */
  get msUntilUpdate(): number {
    return this.#waits ? this.#bucket.msUntil(1) : Number.POSITIVE_INFINITY;
  }

  update(): void {
    if (this.#waits && this.#bucket.msUntil(1) <= 0) this.notify();
  }

  notify(): void {
    const queue = this.#queue;
    if (queue === undefined) return;
    this.#waits = false;
    do {
      queue.suppress();
      for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
        const wanted = Math.min(chain.writableLength, most);
        const length = this.#bucket.take(wanted);
        if (length === 0 && wanted > 0) {
          queue.unpop(chain);
          this.#waits = true;
          break;
        }
        randomFillSync(this.#bytes, 0, length);
        queue.push(chain, chain.write(0, this.#bytes, 0, length));
      }
      queue.signal();
    } while (!this.#waits && queue.listen());
  }

  reset(): void {
    this.#queue = undefined;
    this.#waits = false;
  }

  save(): DeviceState {
    return { version: 1 };
  }

  load(state: DeviceState): void {
    checkVersion(state, 1, this.name);
    this.reset();
  }
}
