import { VIRTIO_VSOCK_OP_RST, VIRTIO_VSOCK_OP_RW, VIRTIO_VSOCK_TYPE_STREAM } from '../../abi/virtio/constants.js';
import { VirtioVsockHdr } from '../../abi/virtio/structs.js';
import { PacketRing } from '../../streams/packet-ring.js';
import { readHeader, writeHeader } from './header.js';
import type { VsockPlan } from './vsock-plan.js';

/** Virtio 1.3, 5.10.4: the host's address. */
const hostCid = 2n;

const headerSize = VirtioVsockHdr.size;

/** Bytes of the ring that payload leaves to other packets: a guest that does not read can still be answered. */
const spareRoom = 2 ** 16;

/** The main thread's ends of the rings between it and the thread of the devices. */
export class VsockLink {
  /** The header of the next packet to send. The connection fills in the ports, operation, flags and credit. */
  readonly header = new VirtioVsockHdr();
  /** The header of the packet that `next` has found. Its payload is in `bytes`. */
  readonly received = new VirtioVsockHdr();
  readonly #toGuest: PacketRing;
  readonly #fromGuest: PacketRing;
  readonly #sharedEpoch: Int32Array;
  readonly #cid: bigint;
  #wake: () => void;
  #epoch = 0;

  constructor(
    { cid, toGuest, fromGuest, epoch }: Pick<VsockPlan, 'cid' | 'toGuest' | 'fromGuest' | 'epoch'>,
    wake: () => void,
  ) {
    this.#toGuest = new PacketRing(toGuest);
    this.#fromGuest = new PacketRing(fromGuest);
    this.#sharedEpoch = epoch;
    this.#cid = BigInt(cid);
    this.#wake = wake;
    this.header.srcCid = hostCid;
    this.header.dstCid = this.#cid;
    this.header.type = VIRTIO_VSOCK_TYPE_STREAM;
  }

  get bytes(): Uint8Array {
    return this.#fromGuest.bytes;
  }

  get payloadLength(): number {
    return this.#fromGuest.length - headerSize;
  }

  /** Whether another epoch has begun since the last call: all connections of before are gone. */
  takeNewEpoch(): boolean {
    const before = this.#epoch;
    this.#epoch = Atomics.load(this.#sharedEpoch, 0);
    return this.#epoch !== before;
  }

  /** Whether there is room for a packet without payload. If not, the thread of the devices reports when there is. */
  get hasRoom(): boolean {
    return this.#place(headerSize, 0) >= 0;
  }

  /**
   * Sends a packet of `header`, with `length` bytes of the payload. Returns whether there was room for it. If not, the
   * thread of the devices reports when there is.
   */
  send(payload?: Uint8Array, offset = 0, length = 0): boolean {
    const { header } = this;
    const at = this.#place(headerSize + length, header.op === VIRTIO_VSOCK_OP_RW ? spareRoom : 0);
    if (at < 0) return false;
    header.len = length;
    const { bytes } = this.#toGuest;
    writeHeader(header, bytes, at);
    if (payload !== undefined) bytes.set(payload.subarray(offset, offset + length), at + headerSize);
    this.#toGuest.commit();
    return true;
  }

  /** Answers the packet in `received`, which is of no connection. There is room for that. */
  refuse(): void {
    const { header, received } = this;
    header.srcPort = received.dstPort;
    header.dstPort = received.srcPort;
    header.type = received.type;
    header.op = VIRTIO_VSOCK_OP_RST;
    header.flags = 0;
    header.bufAlloc = 0;
    header.fwdCnt = 0;
    this.send();
    header.type = VIRTIO_VSOCK_TYPE_STREAM;
  }

  /**
   * Finds the next packet of the guest. Returns where its payload is in `bytes`, or -1 if there is none. Those with
   * other addresses than the guest and the host have are dropped, and those of an epoch that is over.
   */
  next(): number {
    const ring = this.#fromGuest;
    for (;;) {
      let at = ring.next();
      if (at < 0) {
        ring.waitForPacket();
        at = ring.next();
        if (at < 0) return -1;
      }
      readHeader(this.received, ring.bytes, at);
      const { srcCid, dstCid } = this.received;
      if (ring.tag === this.#epoch && srcCid === this.#cid && dstCid === hostCid) return at + headerSize;
      // The packet of an epoch that has just begun waits until the connections of before are gone.
      if (ring.tag === Atomics.load(this.#sharedEpoch, 0) && ring.tag !== this.#epoch) return -1;
      ring.release();
    }
  }

  /** The packet that `next` has found is done with. */
  release(): void {
    this.#fromGuest.release();
  }

  /** Wakes the thread of the devices if it waits for what was done meanwhile. */
  flush(): void {
    const hasPackets = this.#toGuest.takeWaitingReader();
    const hasRoom = this.#fromGuest.takeWaitingWriter();
    if (hasPackets || hasRoom) this.#wake();
  }

  /** The thread of the devices has ended. */
  close(): void {
    this.#wake = () => {};
  }

  #place(length: number, spare: number): number {
    const ring = this.#toGuest;
    const at = ring.reserve(length, this.#epoch, spare);
    if (at >= 0) return at;
    ring.waitForRoom();
    return ring.reserve(length, this.#epoch, spare);
  }
}
