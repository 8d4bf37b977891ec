import {
  VIRTIO_VSOCK_OP_CREDIT_REQUEST,
  VIRTIO_VSOCK_OP_CREDIT_UPDATE,
  VIRTIO_VSOCK_OP_REQUEST,
  VIRTIO_VSOCK_OP_RESPONSE,
  VIRTIO_VSOCK_OP_RST,
  VIRTIO_VSOCK_OP_RW,
  VIRTIO_VSOCK_OP_SHUTDOWN,
  VIRTIO_VSOCK_SHUTDOWN_RCV,
  VIRTIO_VSOCK_SHUTDOWN_SEND,
} from '../../abi/virtio/constants.js';
import type { VirtioVsockHdr } from '../../abi/virtio/structs.js';
import { brokenPipe, gone, invalidPacket, refused, resetByGuest } from './connection-error.js';
import type { VsockLink } from './link.js';
import { ReceiveBuffer } from './receive-buffer.js';
import { type StreamSource, VsockStream } from './vsock-stream.js';

/** The most bytes of a packet for the guest, so that connections take turns. */
const mostPayload = 2 ** 16;
/** What the reader has taken is reported to the guest when it is this part of the buffer. */
const creditParts = 4;
const twoTo32 = 2 ** 32;
const bothWays = VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND;

type StateValue = (typeof State)[keyof typeof State];

const State = {
  /** The host has asked for it; or the guest has, and the host has not decided yet. */
  Requested: 0,
  Offered: 1,
  Open: 2,
  /** Nothing but a reset is sent. */
  Ending: 3,
  Gone: 4,
} as const;

/** What a connection is part of. */
export interface ConnectionOwner {
  readonly link: VsockLink;
  /** It has something to send. */
  ready(connection: Connection): void;
  /** The guest and this host have done with it: the ports are free. */
  ended(connection: Connection): void;
  /** Nobody reads it any more, either: all of its memory is free. */
  closed(connection: Connection): void;
}

/** The ports of a connection, and the bytes that it buffers. */
export interface Ports {
  readonly hostPort: number;
  readonly guestPort: number;
  readonly bufAlloc: number;
}

/** A connection as the protocol has it: its state, and the credit of both sides. Virtio 1.3, 5.10.6. */
export class Connection implements StreamSource {
  readonly hostPort: number;
  readonly guestPort: number;
  readonly stream: VsockStream;
  readonly #owner: ConnectionOwner;
  readonly #bufAlloc: number;
  readonly #received = new ReceiveBuffer();
  #state: StateValue;
  /** Bit n for a packet of operation n that is to be sent. The first operations go first. */
  #owes = 0;
  /** Whether the stream wants bytes, and whether it has had its last ones. */
  #wantsBytes = false;
  #hasEnded = false;
  /** Bytes that the reader has taken, modulo 2^32: now, and as the guest knows. */
  #fwdCnt = 0;
  #toldFwdCnt = 0;
  /** What the guest says of its own buffer, and the bytes that were sent, modulo 2^32. */
  #peerBufAlloc = 0;
  #peerFwdCnt = 0;
  #txCnt = 0;
  #hasAskedForCredit = false;
  /** The directions that the guest has shut down. */
  #peerShutdown = 0;
  /** The bytes that the stream writes. */
  #chunk: Uint8Array | undefined;
  #sent = 0;
  #written = (): void => {};

  private constructor(owner: ConnectionOwner, { hostPort, guestPort, bufAlloc }: Ports, state: StateValue) {
    this.#owner = owner;
    this.hostPort = hostPort;
    this.guestPort = guestPort;
    this.#bufAlloc = bufAlloc;
    this.#state = state;
    this.stream = new VsockStream(this);
  }

  /** The host connects to the guest. */
  static request(owner: ConnectionOwner, ports: Ports): Connection {
    const connection = new Connection(owner, ports, State.Requested);
    connection.#owe(VIRTIO_VSOCK_OP_REQUEST);
    return connection;
  }

  /** The guest connects to the host. */
  static offered(owner: ConnectionOwner, ports: Ports, header: VirtioVsockHdr): Connection {
    const connection = new Connection(owner, ports, State.Offered);
    connection.#takeCredit(header);
    return connection;
  }

  /** The host takes what the guest has offered. */
  accept(): void {
    if (this.#state !== State.Offered) return;
    this.#state = State.Open;
    this.#owe(VIRTIO_VSOCK_OP_RESPONSE);
  }

  /** A packet of the guest. Its payload is at `at`. */
  receive(header: VirtioVsockHdr, bytes: Uint8Array, at: number, length: number): void {
    const { op, flags } = header;
    if (op === VIRTIO_VSOCK_OP_RST) {
      this.#finish(this.#state === State.Requested ? refused(this.guestPort) : resetByGuest());
      return;
    }
    if (this.#state >= State.Ending) return;
    this.#takeCredit(header);
    if (op === VIRTIO_VSOCK_OP_RESPONSE && this.#state === State.Requested) {
      this.#state = State.Open;
      this.stream.emit('connect');
    } else if (this.#state !== State.Open) this.#break();
    else if (op === VIRTIO_VSOCK_OP_RW) this.#takeBytes(header, bytes, at, length);
    else if (op === VIRTIO_VSOCK_OP_SHUTDOWN) this.#takeShutdown(flags);
    else if (op === VIRTIO_VSOCK_OP_CREDIT_REQUEST) this.#owe(VIRTIO_VSOCK_OP_CREDIT_UPDATE);
    else if (op !== VIRTIO_VSOCK_OP_CREDIT_UPDATE) this.#break();
  }

  /** Whether it has a packet to send. */
  get hasPacket(): boolean {
    return this.#owes !== 0 || (this.#chunk !== undefined && this.#credit > 0);
  }

  /** Sends its next packet. Returns whether there was room for it. */
  send(): boolean {
    const bytesWait = this.#chunk !== undefined && this.#credit > 0;
    const isOpening = (this.#owes & ((1 << VIRTIO_VSOCK_OP_REQUEST) | (1 << VIRTIO_VSOCK_OP_RESPONSE))) !== 0;
    if (bytesWait && !isOpening) return this.#sendBytes();
    const first = this.#owes & -this.#owes;
    if (first === 0) return true;
    const op = 31 - Math.clz32(first);
    const flags = op === VIRTIO_VSOCK_OP_SHUTDOWN ? VIRTIO_VSOCK_SHUTDOWN_SEND : 0;
    if (!this.#put(op, flags)) return false;
    this.#owes &= ~first;
    if (op === VIRTIO_VSOCK_OP_RST) this.#finish();
    return true;
  }

  /** All connections are gone, this one, too. */
  abandon(): void {
    this.#finish(gone());
  }

  /** The stream writes bytes, and is called back when all are sent. */
  write(chunk: Uint8Array, written: () => void): void {
    if (this.#state !== State.Open || (this.#peerShutdown & VIRTIO_VSOCK_SHUTDOWN_RCV) !== 0) {
      this.stream.fail(brokenPipe());
      written();
    } else if (chunk.length === 0) written();
    else {
      this.#chunk = chunk;
      this.#sent = 0;
      this.#written = written;
      this.#bytesWait();
    }
  }

  /** The stream writes no more. */
  end(): void {
    if (this.#state === State.Open && (this.#peerShutdown & VIRTIO_VSOCK_SHUTDOWN_RCV) === 0) {
      this.#owe(VIRTIO_VSOCK_OP_SHUTDOWN);
    }
  }

  /** The stream wants bytes. */
  read(): void {
    this.#wantsBytes = true;
    this.#pass();
  }

  /** The stream is destroyed. */
  close(): void {
    this.#received.clear();
    this.#hasEnded = true;
    this.#chunk = undefined;
    if (this.#state < State.Ending) this.#endWithReset();
    this.#owner.closed(this);
  }

  /** Bytes that the guest has room for. What it says may be wrong. */
  get #credit(): number {
    const inFlight = (this.#txCnt - this.#peerFwdCnt) >>> 0;
    return Math.max(0, this.#peerBufAlloc - inFlight);
  }

  #takeCredit(header: VirtioVsockHdr): void {
    this.#peerBufAlloc = header.bufAlloc;
    this.#peerFwdCnt = header.fwdCnt;
    if (this.#credit === 0) return;
    this.#hasAskedForCredit = false;
    if (this.#chunk !== undefined) this.#owner.ready(this);
  }

  #takeBytes({ len }: VirtioVsockHdr, bytes: Uint8Array, at: number, length: number): void {
    const hasEnded = (this.#peerShutdown & VIRTIO_VSOCK_SHUTDOWN_SEND) !== 0;
    if (hasEnded || len !== length || this.#received.length + length > this.#bufAlloc) {
      this.#break();
      return;
    }
    this.#received.append(bytes, at, length);
    this.#pass();
  }

  #takeShutdown(flags: number): void {
    this.#peerShutdown |= flags & bothWays;
    const isOver = this.#peerShutdown === bothWays;
    if (isOver) {
      this.#endWithReset();
      // Nothing can be written any more, so the stream ends as a whole.
      this.stream.allowHalfOpen = false;
    }
    this.#pass();
    if ((this.#peerShutdown & VIRTIO_VSOCK_SHUTDOWN_RCV) !== 0 && this.#chunk !== undefined) {
      this.stream.fail(brokenPipe());
    }
  }

  /** Passes on to the reader what it wants. */
  #pass(): void {
    while (this.#wantsBytes) {
      const chunk = this.#received.take();
      if (chunk === undefined) break;
      this.#fwdCnt = (this.#fwdCnt + chunk.length) % twoTo32;
      this.#wantsBytes = this.stream.push(chunk);
    }
    if (this.#received.length === 0 && !this.#hasEnded && (this.#peerShutdown & VIRTIO_VSOCK_SHUTDOWN_SEND) !== 0) {
      this.#hasEnded = true;
      this.stream.push(null);
    }
    const taken = (this.#fwdCnt - this.#toldFwdCnt) >>> 0;
    if (this.#state === State.Open && taken >= this.#bufAlloc / creditParts) this.#owe(VIRTIO_VSOCK_OP_CREDIT_UPDATE);
  }

  /** Sends as many of the stream's bytes as the guest has room for. */
  #sendBytes(): boolean {
    const chunk = this.#chunk as Uint8Array;
    const length = Math.min(chunk.length - this.#sent, this.#credit, mostPayload);
    if (!this.#put(VIRTIO_VSOCK_OP_RW, 0, chunk, this.#sent, length)) return false;
    this.#txCnt = (this.#txCnt + length) % twoTo32;
    this.#sent += length;
    if (this.#sent === chunk.length) {
      this.#chunk = undefined;
      this.#written();
    } else this.#bytesWait();
    return true;
  }

  /** Sends what there is, or asks once for the credit to do so: not all drivers tell by themselves. */
  #bytesWait(): void {
    if (this.#credit > 0) this.#owner.ready(this);
    else if (!this.#hasAskedForCredit) {
      this.#hasAskedForCredit = true;
      this.#owe(VIRTIO_VSOCK_OP_CREDIT_REQUEST);
    }
  }

  #put(op: number, flags: number, payload?: Uint8Array, offset = 0, length = 0): boolean {
    const { link } = this.#owner;
    const { header } = link;
    header.srcPort = this.hostPort;
    header.dstPort = this.guestPort;
    header.op = op;
    header.flags = flags;
    header.bufAlloc = this.#bufAlloc;
    header.fwdCnt = this.#fwdCnt;
    if (!link.send(payload, offset, length)) return false;
    this.#toldFwdCnt = this.#fwdCnt;
    this.#owes &= ~(1 << VIRTIO_VSOCK_OP_CREDIT_UPDATE);
    return true;
  }

  #owe(op: number): void {
    this.#owes |= 1 << op;
    this.#owner.ready(this);
  }

  /** The guest has broken the rules. */
  #break(): void {
    this.#endWithReset();
    this.stream.fail(invalidPacket());
  }

  #endWithReset(): void {
    this.#state = State.Ending;
    this.#owes = 0;
    this.#owe(VIRTIO_VSOCK_OP_RST);
  }

  /** @param error for a stream that does not know of the end yet. */
  #finish(error?: Error): void {
    const wasOpen = this.#state < State.Ending;
    if (this.#state === State.Gone) return;
    this.#state = State.Gone;
    this.#owes = 0;
    this.#owner.ended(this);
    if (wasOpen && error !== undefined) this.stream.fail(error);
  }
}
