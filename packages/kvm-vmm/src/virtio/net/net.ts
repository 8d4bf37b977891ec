import { EpollEvent } from '@kvm/core';
import { integer } from '@kvm/core/struct';
import { VIRTIO_ID_NET, VIRTIO_NET_F_MRG_RXBUF, VIRTIO_NET_S_LINK_UP } from '../../abi/virtio/constants.js';
import { VirtioNetConfig } from '../../abi/virtio/structs.js';
import { checkVersion, type DeviceState } from '../../devices/device.js';
import type { Watch } from '../../machine/event-loop.js';
import type { Chain } from '../chain.js';
import { has } from '../features.js';
import type { Queue } from '../queue.js';
import type { VirtioDevice, VirtioTransport } from '../virtio-device.js';
import { configSize, featuresOf, NetQueue, queueSizes } from './config.js';
import { Control } from './control.js';
import { headerSize } from './frames.js';
import { type Link, Received, Sent } from './link.js';
import { type NetRates, RateLimit } from './rate-limit.js';
import { ReceiveBuffers } from './receive-buffers.js';

/** Frames that are received before other devices have their turn. */
const mostAtOnce = 64;

export interface VirtioNetOptions {
  /** Unique within a machine. */
  name: string;
  /** The address: 6 bytes. */
  mac: readonly number[];
  /** What the driver is told; undefined for nothing. */
  mtu: number | undefined;
  /** Whether the links have the header of virtio-net, and so the offloads. */
  hasOffloads: boolean;
  rates?: NetRates;
  /** Milliseconds, of a clock that does not jump. */
  clock?: () => number;
  /** `EventLoop.watch`. */
  watch: (fd: number, events: number, ready: (events: number) => void) => Watch;
  /** The other side has gone, and the descriptor of its link is not watched any more. */
  unplugged?: () => void;
}

const unlimited: NetRates = { bytesPerSecond: undefined, framesPerSecond: undefined };

/** What `VirtioNet.save` returns. */
interface NetState extends DeviceState {
  /** The driver may have changed it. */
  readonly mac: readonly number[];
}

/**
 * A network device. Virtio 1.3, 5.1. Nothing is dropped that the other side can hold: without buffers of the driver
 * nothing is read, and a frame for which there is no room waits in its chain.
 */
export class VirtioNet implements VirtioDevice {
  readonly name: string;
  readonly type = VIRTIO_ID_NET;
  readonly features: bigint;
  readonly queueSizes = queueSizes;
  readonly config: Uint8Array;
  readonly #fields = new VirtioNetConfig();
  readonly #control: Control;
  readonly #watchFd: VirtioNetOptions['watch'];
  readonly #unplugged: () => void;
  readonly #receiveLimit: RateLimit;
  readonly #transmitLimit: RateLimit;
  #transport: VirtioTransport | undefined;
  #link: Link | undefined;
  #watch: Watch | undefined;
  /** What the descriptor is watched for. */
  #events = 0;
  #features = 0n;
  #queues: readonly (Queue | undefined)[] = [];
  #buffers: ReceiveBuffers | undefined;
  /** The driver has no buffers for a frame. */
  #isStarved = true;
  /** The link has no room for a frame. */
  #isBlocked = false;
  /** The rate does not allow another frame yet, of either direction. */
  #receiveWaits = false;
  #transmitWaits = false;

  constructor(options: VirtioNetOptions) {
    const { name, mac, mtu, hasOffloads, watch, unplugged = () => {} } = options;
    const { rates = unlimited, clock = () => performance.now() } = options;
    this.name = name;
    this.features = featuresOf(hasOffloads, mtu !== undefined);
    this.#fields.mac = mac;
    this.#fields.mtu = mtu ?? 0;
    this.config = this.#fields.bytes.subarray(0, configSize);
    this.#control = new Control(this.#fields.mac);
    this.#watchFd = watch;
    this.#unplugged = unplugged;
    this.#receiveLimit = new RateLimit(rates, clock);
    this.#transmitLimit = new RateLimit(rates, clock);
  }

  /** Connects the device to a link. It has none now. */
  plug(link: Link): void {
    this.#link = link;
    this.#fields.status = VIRTIO_NET_S_LINK_UP;
    link.setFeatures(this.#features);
    this.#transport?.configChanged();
    if (this.#buffers !== undefined) this.#receive();
  }

  attach(transport: VirtioTransport): void {
    this.#transport = transport;
  }

  activate(queues: readonly (Queue | undefined)[], features: bigint): void {
    const receive = queues[NetQueue.Receive];
    this.#queues = queues;
    this.#buffers = receive && new ReceiveBuffers(receive, has(features, VIRTIO_NET_F_MRG_RXBUF));
    this.#features = features;
    this.#link?.setFeatures(features);
  }

  notify(index: number): void {
    if (index === NetQueue.Receive && this.#isStarved) this.#receive();
    else if (index === NetQueue.Transmit && !this.#isBlocked && !this.#transmitWaits) this.#transmit();
    else if (index === NetQueue.Control) this.#obey();
  }

  /** Milliseconds until `update` is to be called. */
  get msUntilUpdate(): number {
    const receive = this.#receiveWaits ? this.#receiveLimit.ms : Number.POSITIVE_INFINITY;
    return this.#transmitWaits ? Math.min(receive, this.#transmitLimit.ms) : receive;
  }

  update(): void {
    if (this.#receiveWaits && this.#receiveLimit.ms === 0) this.#receive();
    if (this.#transmitWaits && this.#transmitLimit.ms === 0) this.#transmit();
  }

  reset(): void {
    this.#queues = [];
    this.#buffers = undefined;
    this.#features = 0n;
    this.#isStarved = true;
    this.#isBlocked = false;
    this.#receiveWaits = false;
    this.#transmitWaits = false;
    this.#link?.reset();
    this.#wait();
  }

  save(): NetState {
    return { version: 1, mac: [...this.#fields.mac] };
  }

  load(state: DeviceState): void {
    checkVersion(state, 1, this.name);
    const { mac } = state as NetState;
    this.reset();
    for (let i = 0; i < this.#fields.mac.length; i++) {
      this.#fields.mac[i] = integer(mac?.[i] as number, 0, 0xff, `the MAC address of ${this.name}`);
    }
  }

  /** The descriptor of the link has these events. */
  #ready(events: number): void {
    if ((events & EpollEvent.Out) !== 0 && this.#isBlocked) this.#transmit();
    if ((this.#events & EpollEvent.In) !== 0) {
      this.#receive();
    } else if ((events & (EpollEvent.HangUp | EpollEvent.Error)) !== 0) {
      // They are reported for as long as the descriptor is watched. What it still has is read when there are buffers.
      this.#watch?.close();
      this.#watch = undefined;
      this.#events = 0;
    }
  }

  /** Moves frames to the driver until there are no more, or no buffers for them. */
  #receive(): void {
    const queue = this.#queues[NetQueue.Receive];
    const buffers = this.#buffers;
    if (queue === undefined || buffers === undefined || this.#link === undefined) return;
    queue.suppress();
    this.#receiveWaits = false;
    let received: Received = Received.Frame;
    for (let i = 0; i < mostAtOnce && received === Received.Frame && !this.#receiveWaits; i++) {
      const before = buffers.given;
      received = this.#link.receive(buffers);
      if (buffers.given !== before) this.#receiveLimit.spend(1, buffers.given - before - headerSize);
      this.#receiveWaits = this.#receiveLimit.ms > 0;
    }
    queue.signal();
    this.#isStarved = received === Received.NoBuffers;
    if (received === Received.Ended) this.#unplug();
    else this.#wait();
  }

  /** Moves the driver's frames to the link until there are no more, or there is no room for them. */
  #transmit(): void {
    const queue = this.#queues[NetQueue.Transmit];
    if (queue === undefined) return;
    this.#isBlocked = false;
    this.#transmitWaits = false;
    this.#note(this.#link?.flush() ?? Sent.Done);
    do {
      queue.suppress();
      while (!this.#isBlocked && !this.#transmitWaits) {
        const chain = queue.pop();
        if (chain === undefined) break;
        // Without a link, frames are lost.
        const sent = this.#link?.send(chain) ?? Sent.Done;
        this.#note(sent);
        if (sent === Sent.Full) queue.unpop(chain);
        else this.#haveSent(queue, chain);
      }
      queue.signal();
    } while (!this.#isBlocked && !this.#transmitWaits && queue.listen());
    this.#wait();
  }

  #haveSent(queue: Queue, chain: Chain): void {
    this.#transmitLimit.spend(1, Math.max(0, chain.readableLength - headerSize));
    this.#transmitWaits = this.#transmitLimit.ms > 0;
    queue.push(chain, 0);
  }

  #note(sent: Sent): void {
    if (sent === Sent.Ended) this.#unplug();
    else this.#isBlocked = sent !== Sent.Done;
  }

  #obey(): void {
    const queue = this.#queues[NetQueue.Control];
    if (queue === undefined) return;
    do {
      queue.suppress();
      for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
        if (!this.#control.do(chain)) {
          this.#transport?.needsReset();
          return;
        }
        queue.push(chain, 1);
      }
      queue.signal();
    } while (queue.listen());
  }

  /** Has the descriptor watched for what can be used now. */
  #wait(): void {
    const link = this.#link;
    const isListening = this.#buffers !== undefined && !this.#isStarved && !this.#receiveWaits;
    const events = (isListening ? EpollEvent.In : 0) | (this.#isBlocked ? EpollEvent.Out : 0);
    if (link === undefined || events === this.#events) return;
    this.#events = events;
    if (this.#watch === undefined) this.#watch = this.#watchFd(link.fd, events, (ready) => this.#ready(ready));
    else this.#watch.setEvents(events);
  }

  #unplug(): void {
    this.#watch?.close();
    this.#watch = undefined;
    this.#events = 0;
    this.#link = undefined;
    this.#isBlocked = false;
    this.#isStarved = true;
    this.#fields.status = 0;
    this.#transport?.configChanged();
    this.#unplugged();
  }
}
