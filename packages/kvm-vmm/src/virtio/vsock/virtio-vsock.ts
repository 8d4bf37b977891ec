import { VIRTIO_ID_VSOCK, VIRTIO_VSOCK_EVENT_TRANSPORT_RESET, VIRTIO_VSOCK_OP_RW } from '../../abi/virtio/constants.js';
import { VirtioVsockConfig, VirtioVsockEvent, VirtioVsockHdr } from '../../abi/virtio/structs.js';
import { checkVersion, type DeviceState } from '../../devices/device.js';
import { PacketRing } from '../../streams/packet-ring.js';
import type { Chain } from '../chain.js';
import type { Queue } from '../queue.js';
import type { VirtioDevice, VirtioTransport } from '../virtio-device.js';
import { readHeader } from './header.js';
import { mostBuffered, type VsockPlan } from './vsock-plan.js';

/** Virtio 1.3, 5.10.2: the queues. */
const Index = { Rx: 0, Tx: 1, Event: 2 } as const;
const packetQueueSize = 256;
const eventQueueSize = 64;

const headerSize = VirtioVsockHdr.size;

/** How far the driver is with TRANSPORT_RESET: nothing to tell, not told yet, told and not acknowledged. */
const Reset = { None: 0, Due: 1, Sent: 2 } as const;

/** What became of a packet of the driver. */
const Taken = { Yes: 0, NoRoom: 1, Invalid: 2 } as const;

/**
 * Sockets between guest and host, as the thread of the devices has them. Virtio 1.3, 5.10. It moves packets between the
 * driver's queues and two rings. It knows nothing of connections: the main thread has them, with their credit.
 *
 * No packet is dropped for want of room: what does not fit stays in the driver's queue, or in the ring.
 */
export class VirtioVsock implements VirtioDevice {
  readonly name: string;
  readonly type = VIRTIO_ID_VSOCK;
  readonly features = 0n;
  readonly queueSizes: readonly number[] = [packetQueueSize, packetQueueSize, eventQueueSize];
  readonly inOrder = true;
  readonly config: Uint8Array;
  readonly #toGuest: PacketRing;
  readonly #fromGuest: PacketRing;
  readonly #epoch: Int32Array;
  readonly #report: () => void;
  readonly #header = new VirtioVsockHdr();
  #transport: VirtioTransport | undefined;
  #queues: readonly (Queue | undefined)[] = [];
  /** The packet for the guest that is next, as its offset in the ring, and how much of its payload the guest has. */
  #next = -1;
  #delivered = 0;
  #reset: (typeof Reset)[keyof typeof Reset] = Reset.None;

  /** @param report wakes the main thread. */
  constructor(
    { cid, toGuest, fromGuest, epoch }: Omit<VsockPlan, 'kind' | 'wake' | 'report'>,
    name: string,
    report: () => void,
  ) {
    const config = new VirtioVsockConfig();
    config.guestCid = BigInt(cid);
    this.name = name;
    this.config = config.bytes;
    this.#toGuest = new PacketRing(toGuest);
    this.#fromGuest = new PacketRing(fromGuest);
    this.#epoch = epoch;
    this.#report = report;
  }

  attach(transport: VirtioTransport): void {
    this.#transport = transport;
  }

  activate(queues: readonly (Queue | undefined)[]): void {
    this.#queues = queues;
    // A driver without the queue cannot be told.
    if (queues[Index.Event] === undefined) this.#reset = Reset.None;
  }

  notify(queue: number): void {
    if (queue === Index.Rx) this.#giveToGuest();
    else if (queue === Index.Tx) this.#takeFromGuest();
    else this.#tellReset();
  }

  /** The main thread has packets for the guest, or room for those of the guest. */
  woken(): void {
    this.#giveToGuest();
    this.#takeFromGuest();
  }

  reset(): void {
    if (this.#queues.length > 0) this.#endConnections();
    this.#queues = [];
    this.#reset = Reset.None;
  }

  save(): DeviceState {
    return { version: 1 };
  }

  /** The connections of before are gone. The driver has to know that before it gets anything else. */
  load(state: DeviceState): void {
    checkVersion(state, 1, this.name);
    this.reset();
    this.#endConnections();
    this.#reset = Reset.Due;
  }

  #endConnections(): void {
    Atomics.add(this.#epoch, 0, 1);
    this.#delivered = 0;
    this.#report();
  }

  #takeFromGuest(): void {
    const queue = this.#queues[Index.Tx];
    if (queue === undefined) return;
    let taken: (typeof Taken)[keyof typeof Taken] = Taken.Yes;
    do {
      queue.suppress();
      for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
        taken = this.#take(chain);
        if (taken === Taken.NoRoom) queue.unpop(chain);
        if (taken !== Taken.Yes) break;
        queue.push(chain, 0);
      }
      queue.signal();
    } while (taken === Taken.Yes && queue.listen());
    if (taken === Taken.Invalid) this.#transport?.needsReset();
    if (this.#fromGuest.takeWaitingReader()) this.#report();
  }

  /** Passes a packet on. The main thread answers what makes no sense; here is refused what is no packet at all. */
  #take(chain: Chain): (typeof Taken)[keyof typeof Taken] {
    const { bytes, len, op } = this.#readHeader(chain);
    if (chain.readableLength < headerSize || chain.readableLength - headerSize < len) return Taken.Invalid;
    // The main thread sees that more bytes are announced than there are, and more than the guest has credit for.
    const payload = op === VIRTIO_VSOCK_OP_RW && len <= mostBuffered ? len : 0;
    const ring = this.#fromGuest;
    const epoch = this.#epoch[0] as number;
    let at = ring.reserve(headerSize + payload, epoch);
    if (at < 0) {
      ring.waitForRoom();
      at = ring.reserve(headerSize + payload, epoch);
      if (at < 0) return Taken.NoRoom;
    }
    for (let i = 0; i < headerSize; i++) ring.bytes[at + i] = bytes[i] as number;
    chain.readInto(headerSize, ring.bytes, at + headerSize, payload);
    ring.commit();
    return Taken.Yes;
  }

  #readHeader(chain: Chain): VirtioVsockHdr {
    chain.readInto(0, this.#header.bytes);
    return this.#header;
  }

  #giveToGuest(): void {
    const queue = this.#reset === Reset.None ? this.#queues[Index.Rx] : undefined;
    let isValid = true;
    do {
      queue?.suppress();
      while (isValid && this.#findNext()) {
        const chain = queue?.pop();
        if (queue === undefined || chain === undefined) break;
        isValid = chain.writableLength > headerSize;
        if (isValid) queue.push(chain, this.#deliver(chain));
      }
      queue?.signal();
    } while (isValid && queue !== undefined && this.#findNext() && queue.listen());
    if (!isValid) this.#transport?.needsReset();
    if (this.#toGuest.takeWaitingWriter()) this.#report();
  }

  /** Whether there is a packet for the guest. Those of an earlier epoch are of connections that are gone. */
  #findNext(): boolean {
    const ring = this.#toGuest;
    for (;;) {
      this.#next = ring.next();
      if (this.#next < 0) {
        ring.waitForPacket();
        this.#next = ring.next();
        if (this.#next < 0) return false;
      }
      if (ring.tag === this.#epoch[0]) return true;
      ring.release();
    }
  }

  /** Delivers as much of a packet as a buffer of the driver takes. Returns the number of bytes. */
  #deliver(chain: Chain): number {
    const ring = this.#toGuest;
    const header = this.#header;
    const payload = ring.length - headerSize;
    const part = Math.min(payload - this.#delivered, chain.writableLength - headerSize);
    readHeader(header, ring.bytes, this.#next);
    header.len = part;
    chain.write(0, header.bytes);
    chain.write(headerSize, ring.bytes, this.#next + headerSize + this.#delivered, part);
    this.#delivered += part;
    if (this.#delivered === payload) {
      this.#delivered = 0;
      ring.release();
    }
    return headerSize + part;
  }

  /**
   * Tells the driver that all connections are gone. It acknowledges that when it gives the buffer of the event back.
   * New connections wait until then: the driver would take them for old ones.
   */
  #tellReset(): void {
    const queue = this.#queues[Index.Event];
    if (queue === undefined || this.#reset === Reset.None) return;
    if (this.#reset === Reset.Sent) {
      this.#reset = Reset.None;
      this.#giveToGuest();
      return;
    }
    const event = new VirtioVsockEvent();
    event.id = VIRTIO_VSOCK_EVENT_TRANSPORT_RESET;
    // The event fills all buffers that there are: with EVENT_IDX, a driver rings for none that it adds behind others.
    do {
      for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
        queue.push(chain, chain.write(0, event.bytes));
        this.#reset = Reset.Sent;
      }
      queue.signal();
    } while (queue.listen());
  }
}
