import { setImmediate as turn } from 'node:timers/promises';
import { type GuestMemory, pageSize } from '@kvm/core';
import {
  VIRTIO_VSOCK_OP_REQUEST,
  VIRTIO_VSOCK_OP_RESPONSE,
  VIRTIO_VSOCK_OP_RW,
  VIRTIO_VSOCK_TYPE_STREAM,
} from '../src/abi/virtio/constants.js';
import { VirtioVsockHdr } from '../src/abi/virtio/structs.js';
import { GuestDma } from '../src/memory/guest-dma.js';
import { PacketRing } from '../src/streams/packet-ring.js';
import type { Dma } from '../src/virtio/dma.js';
import type { Ring } from '../src/virtio/queue.js';
import { VsockLink } from '../src/virtio/vsock/link.js';
import { VirtioVsock } from '../src/virtio/vsock/virtio-vsock.js';
import { VsockHost } from '../src/virtio/vsock/vsock-host.js';
import { ram } from './ram.js';
import { type Driver, SplitDriver } from './virtio-driver.js';

export const cid = 3;
export const headerSize = VirtioVsockHdr.size;
/** Packets of the guest that have a place each: more than its queue takes. */
const places = 40;
/** Where the buffers of a queue begin, behind its rings. */
export const buffersAt = 0x8000;

/** A packet as a driver has it. */
export interface Packet {
  readonly srcCid: bigint;
  readonly dstCid: bigint;
  readonly srcPort: number;
  readonly dstPort: number;
  readonly len: number;
  readonly type: number;
  readonly op: number;
  readonly flags: number;
  readonly bufAlloc: number;
  readonly fwdCnt: number;
  readonly payload: Uint8Array;
}

/** A queue with memory of its own. */
interface Side {
  readonly memory: GuestMemory;
  readonly driver: Driver;
  readonly ring: Ring;
}

export interface GuestOptions {
  /** Bytes of each buffer for packets from the host, and how many there are at first. */
  bufferSize?: number;
  buffers?: number;
  /** Bytes of the rings between the threads. */
  capacity?: number;
  size?: number;
  /** The most bytes of a packet of the guest. */
  mostBytes?: number;
  Kind?: new (memory: GuestMemory, size: number, hasEventIdx: boolean) => Driver;
  hasEventIdx?: boolean;
  /** Sees what the device does to the memory of a queue. */
  wrap?: (dma: Dma) => Dma;
}

/** A driver of virtio-vsock, the device, and the program of the host. `settle` does what their threads would do. */
export class VsockGuest {
  readonly vsock: VsockHost;
  readonly device: VirtioVsock;
  readonly rx: Side;
  readonly tx: Side;
  readonly event: Side;
  readonly toGuest: PacketRing;
  needsReset = false;
  /** Packets that the guest has got, and not looked at. */
  readonly inbox: Packet[] = [];
  /** What the guest says of its own buffer. */
  bufAlloc = 2 ** 18;
  #hasReport = false;
  #hasWake = false;
  #transmitted = 0;
  readonly #bufferSize: number;
  readonly #stride: number;
  /** Where the buffers of chains lie, by their numbers. */
  readonly #placeOf = new Map<number, number>();
  readonly #free: number[];

  constructor({ bufferSize = 4096, buffers = 8, capacity = 2 ** 20, size = 32, ...more }: GuestOptions = {}) {
    const { Kind = SplitDriver, hasEventIdx = true, wrap = (dma) => dma, mostBytes = 2 ** 16 } = more;
    const epoch = new Int32Array(new SharedArrayBuffer(4));
    this.toGuest = PacketRing.allocate(capacity);
    const plan = { cid, epoch, toGuest: this.toGuest.shared, fromGuest: PacketRing.allocate(capacity).shared };
    const wake = (): void => {
      this.#hasWake = true;
    };
    const report = (): void => {
      this.#hasReport = true;
    };
    const needsReset = (): void => {
      this.needsReset = true;
    };
    this.#stride = headerSize + mostBytes + 16;
    this.vsock = new VsockHost(new VsockLink(plan, wake));
    this.device = new VirtioVsock(plan, 'vsock0', report);
    this.device.attach({ configChanged() {}, usedChains() {}, needsReset });
    const side = (): Side => {
      const memory = ram(Math.ceil((buffersAt + places * this.#stride) / pageSize) * pageSize);
      const driver = new Kind(memory, size, hasEventIdx);
      return { memory, driver, ring: driver.open(wrap(new GuestDma(memory)), { needsReset }) as Ring };
    };
    this.rx = side();
    this.tx = side();
    this.event = side();
    this.#bufferSize = bufferSize;
    this.#free = Array.from({ length: buffers }, (_, i) => buffersAt + i * (bufferSize + 16));
  }

  /** The driver is ready. */
  activate(): this {
    this.device.activate([this.rx.ring, this.tx.ring, this.event.ring]);
    for (const queue of [0, 1, 2]) this.device.notify(queue);
    return this;
  }

  /** Gives the device the buffers that the driver has. */
  offerBuffers(): void {
    for (let at = this.#free.shift(); at !== undefined; at = this.#free.shift()) {
      const id = this.rx.driver.add([{ address: at, length: this.#bufferSize, isWritable: true }]) as number;
      this.#placeOf.set(id, at);
    }
    this.device.notify(0);
  }

  /** The driver has more buffers, which it offers when it next runs. */
  addBuffers(count: number): void {
    for (let i = 0; i < count; i++) this.#free.push(buffersAt + i * (this.#bufferSize + 16));
  }

  /** Sends a packet, of which the given fields are not as they should be. Returns whether the queue had room. */
  send(packet: Partial<Packet>, length?: number): boolean {
    const { payload = new Uint8Array(0), ...fields } = packet;
    const header = new VirtioVsockHdr();
    header.assign({ srcCid: BigInt(cid), dstCid: 2n, type: VIRTIO_VSOCK_TYPE_STREAM, len: payload.length });
    header.assign({ bufAlloc: this.bufAlloc, ...fields });
    const bytes = Buffer.concat([header.bytes, payload]);
    while (this.tx.driver.used() !== undefined);
    // A place that no packet before has, which may still wait.
    const at = buffersAt + (this.#transmitted % places) * this.#stride;
    this.tx.memory.write(at, bytes);
    if (this.tx.driver.add([{ address: at, length: length ?? bytes.length, isWritable: false }]) === undefined) {
      return false;
    }
    this.#transmitted++;
    this.device.notify(1);
    return true;
  }

  /** Takes the packets that the device has delivered into the inbox. The buffers are offered again. */
  collect(): void {
    const { memory, driver } = this.rx;
    for (let used = driver.used(); used !== undefined; used = driver.used()) {
      const at = this.#placeOf.get(used.id) as number;
      const bytes = Uint8Array.from(memory.read(at, used.length));
      const { buffer, byteOffset } = bytes;
      const header = new VirtioVsockHdr({ buffer, byteOffset });
      const { srcCid, dstCid, srcPort, dstPort, len, type, op, flags, bufAlloc, fwdCnt } = header;
      const payload = bytes.subarray(headerSize);
      this.inbox.push({ srcCid, dstCid, srcPort, dstPort, len, type, op, flags, bufAlloc, fwdCnt, payload });
      this.#free.push(at);
    }
  }

  /** Lets both threads and the streams do all that they have to do. */
  async settle(): Promise<void> {
    for (let idle = 0; idle < 3; idle++) {
      await turn();
      if (this.step()) idle = 0;
    }
  }

  /** Does what has been asked for. Returns whether there was something. */
  step(): boolean {
    const [hasReport, hasWake] = [this.#hasReport, this.#hasWake];
    this.#hasReport = false;
    this.#hasWake = false;
    if (hasReport) this.vsock.take();
    if (hasWake) this.device.woken();
    const before = this.inbox.length;
    this.collect();
    if (this.#free.length > 0) this.offerBuffers();
    return hasReport || hasWake || this.inbox.length > before;
  }

  /** The packets since the last call. */
  async received(): Promise<Packet[]> {
    await this.settle();
    return this.inbox.splice(0);
  }

  /** Connects to a listener of the host. */
  async connect(guestPort: number, hostPort: number): Promise<Packet[]> {
    this.send({ op: VIRTIO_VSOCK_OP_REQUEST, srcPort: guestPort, dstPort: hostPort });
    return await this.received();
  }

  /** Accepts a connection that the host asks for. Returns its request. */
  async accept(): Promise<Packet> {
    const request = (await this.received()).find(({ op }) => op === VIRTIO_VSOCK_OP_REQUEST) as Packet;
    this.send({ op: VIRTIO_VSOCK_OP_RESPONSE, srcPort: request.dstPort, dstPort: request.srcPort });
    await this.settle();
    return request;
  }

  write(guestPort: number, hostPort: number, payload: Uint8Array): boolean {
    return this.send({ op: VIRTIO_VSOCK_OP_RW, srcPort: guestPort, dstPort: hostPort, payload });
  }
}
