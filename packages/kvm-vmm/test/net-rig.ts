import { EpollEvent, type GuestMemory } from '@kvm/core';
import { type Backend, selectBackend } from '@kvm/core/backend';
import { __NR_socketpair } from '../src/abi/unistd/constants.js';
import { VIRTIO_NET_F_MRG_RXBUF } from '../src/abi/virtio/constants.js';
import { GuestDma } from '../src/memory/guest-dma.js';
import { bit } from '../src/virtio/features.js';
import { IoVector } from '../src/virtio/net/io-vector.js';
import type { Link } from '../src/virtio/net/link.js';
import { VirtioNet } from '../src/virtio/net/net.js';
import type { NetRates } from '../src/virtio/net/rate-limit.js';
import type { Ring, RingOptions } from '../src/virtio/queue.js';
import { ram } from './ram.js';
import { type Driver, kinds, type Piece } from './virtio-driver.js';

/** A network card between a driver and a descriptor, without KVM and without threads. */

export const headerSize = 12;
const queueMemory = 0x8000;
const sockets = { stream: 1, seqpacket: 5, nonBlocking: 0o4000 } as const;

export const backend: Backend = selectBackend();

/** Two sockets that do not block: of bytes, or of packets as a tap has them. */
export function socketPair(type: 'stream' | 'seqpacket'): [number, number] {
  const fds = new Int32Array(2);
  const result = backend.syscall(
    __NR_socketpair,
    1,
    sockets[type] | sockets.nonBlocking,
    0,
    backend.address(fds),
    0,
    0,
  );
  if (result !== 0) throw new Error(`socketpair: ${result}`);
  return [fds[0] as number, fds[1] as number];
}

export interface RigOptions {
  readonly kind?: (typeof kinds)[number][0];
  readonly size?: number;
  readonly areMergeable?: boolean;
  readonly windowSize?: number;
  /** Bytes for the buffers of chains, behind the queues. */
  readonly bufferMemory?: number;
  readonly rates?: NetRates;
  readonly clock?: () => number;
  readonly link?: (vector: IoVector) => Link;
}

export class NetRig {
  readonly memory: GuestMemory;
  readonly net: VirtioNet;
  readonly vector: IoVector;
  readonly calls: string[] = [];
  /** The drivers of the queues: received, transmitted, control. */
  readonly drivers: readonly Driver[];
  #watched: { events: number; ready: (events: number) => void } | undefined;
  #rings: readonly (Ring | undefined)[] = [];
  /** The queues that have given as many chains as they may at once. */
  readonly #postponed = new Set<number>();
  readonly #options: Required<Pick<RigOptions, 'size' | 'areMergeable'>>;
  /** Where the buffers of chains are, by queue and id. */
  readonly #pieces = [new Map<number, Piece[]>(), new Map<number, Piece[]>(), new Map<number, Piece[]>()];
  #next = 3 * queueMemory;

  constructor(options: RigOptions = {}) {
    const { kind = 'split', size = 8, areMergeable = true, windowSize, bufferMemory = 0x80_0000, link } = options;
    const { rates, clock } = options;
    this.#options = { size, areMergeable };
    const memorySize = 3 * queueMemory + bufferMemory;
    this.memory = ram(memorySize, windowSize ?? memorySize);
    const [, KindOfDriver] = kinds.find(([name]) => name === kind) ?? kinds[0];
    this.drivers = [0, 1, 2].map((queue) => new KindOfDriver(this.memory, size, true, queue * queueMemory));
    this.vector = new IoVector(this.memory, backend);
    this.net = new VirtioNet({
      name: 'net0',
      mac: [2, 0, 0, 0, 0, 1],
      mtu: undefined,
      hasOffloads: false,
      ...(rates !== undefined && { rates }),
      ...(clock !== undefined && { clock }),
      watch: (_, events, ready) => {
        this.#watched = { events, ready };
        return {
          setEvents: (changed) => {
            this.#watched = { events: changed, ready };
          },
          close: () => {
            this.#watched = undefined;
          },
        };
      },
      unplugged: () => this.calls.push('unplugged'),
    });
    this.net.attach({
      configChanged: () => this.calls.push('configChanged'),
      needsReset: () => this.calls.push('needsReset'),
      usedChains: () => {},
    });
    if (link !== undefined) this.net.plug(link(this.vector));
    this.calls.splice(0);
  }

  /** What the descriptor is watched for; undefined while it is not. */
  get watched(): number | undefined {
    return this.#watched?.events;
  }

  activate(options: Partial<RingOptions> = {}): void {
    const dma = new GuestDma(this.memory);
    this.#rings = this.drivers.map((driver, queue) =>
      driver.open(dma, { longestChain: 256, spent: () => this.#postponed.add(queue), ...options }),
    );
    const features = this.#options.areMergeable ? bit(VIRTIO_NET_F_MRG_RXBUF) : 0n;
    this.net.activate(this.#rings, features);
    for (let queue = 0; queue < this.#rings.length; queue++) this.notify(queue);
  }

  /** The driver rings, as a transport passes it on. */
  notify(queue: number): void {
    this.#rings[queue]?.refill();
    this.net.notify(queue);
  }

  /** Adds a chain to a queue, cut into pieces of these lengths. Returns whether there was room. */
  add(queue: number, lengths: readonly number[], isWritable: boolean, content = new Uint8Array(0)): boolean {
    const total = lengths.reduce((sum, length) => sum + length, 0);
    if (this.#next + total > this.memory.size) this.#next = 3 * queueMemory;
    let at = this.#next;
    const pieces = lengths.map((length) => {
      const piece = { address: at, length, isWritable };
      at += length;
      return piece;
    });
    const id = (this.drivers[queue] as Driver).add(pieces);
    if (id === undefined) return false;
    if (content.length > 0) this.memory.write(this.#next, content);
    this.#pieces[queue]?.set(id, pieces);
    this.#next = at;
    return true;
  }

  /** Adds a frame to send, with a header before it, in pieces of at most these lengths. */
  transmit(frame: Uint8Array, cuts: readonly number[] = []): boolean {
    const content = new Uint8Array(headerSize + frame.length);
    content.set(frame, headerSize);
    const lengths: number[] = [];
    let left = content.length;
    for (const cut of cuts) {
      if (cut >= left) break;
      lengths.push(cut);
      left -= cut;
    }
    return this.add(1, [...lengths, left], false, content);
  }

  /** Takes back what was sent. Returns how many. */
  sent(): number {
    let count = 0;
    while (this.drivers[1]?.used() !== undefined) count++;
    return count;
  }

  /** Takes the frames that were received, whose headers say in how many buffers they are. */
  received(): Uint8Array[] {
    const frames: Uint8Array[] = [];
    for (let bytes = this.#receivedBuffer(); bytes !== undefined; bytes = this.#receivedBuffer()) {
      let buffers = (bytes[10] as number) + 256 * (bytes[11] as number);
      const parts = [bytes];
      while (--buffers > 0) parts.push(this.#receivedBuffer() as Uint8Array);
      frames.push(Uint8Array.from(Buffer.concat(parts)).subarray(headerSize));
    }
    return frames;
  }

  /** Lets happen what the descriptor is watched for. */
  turn(events: number = EpollEvent.In | EpollEvent.Out): void {
    const postponed = [...this.#postponed];
    this.#postponed.clear();
    for (const queue of postponed) this.notify(queue);
    const watched = this.#watched;
    if (watched === undefined) return;
    const happened = events & (watched.events | EpollEvent.HangUp | EpollEvent.Error);
    if (happened !== 0) watched.ready(happened);
  }

  #receivedBuffer(): Uint8Array | undefined {
    const used = this.drivers[0]?.used();
    if (used === undefined) return undefined;
    const pieces = this.#pieces[0]?.get(used.id) ?? [];
    return Buffer.concat(pieces.map(({ address, length }) => this.memory.read(address, length))).subarray(
      0,
      used.length,
    );
  }
}
