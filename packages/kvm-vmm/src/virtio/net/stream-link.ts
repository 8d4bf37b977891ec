import { constants } from 'node:os';
import type { Backend } from '@kvm/core/backend';
import type { Chain } from '../chain.js';
import { headerSize, shortestFrame } from './frames.js';
import type { IoVector } from './io-vector.js';
import { type Link, Received, Sent } from './link.js';
import type { ReceiveBuffers } from './receive-buffers.js';

const { EAGAIN } = constants.errno;

/** Each frame has its length before it, as 32 bits in network byte order. */
const prefixSize = 4;
/** passt ends a connection with a longer frame. */
const longest = 65_535;
/** A length of which nothing is known yet. */
const unknown = -1;

/**
 * A Unix stream socket with the frames of passt and of QEMU's `-netdev stream`. A system call reads a frame together
 * with the length of the next one. Lengths come from the other side: what is no frame is read and dropped.
 */
export class StreamLink implements Link {
  readonly fd: number;
  readonly #vector: IoVector;
  readonly #header = new Uint8Array(headerSize);
  readonly #scratch = new Uint8Array(2 ** 16);
  readonly #scratchAddress: number;
  /** The length of the frame that is read next, as far as it has come. */
  readonly #prefix = new DataView(new ArrayBuffer(prefixSize));
  readonly #prefixAddress: number;
  #prefixDone = 0;
  #length = unknown;
  /** How many bytes of the frame are in the driver's buffers, or dropped. */
  #done = 0;
  #isDropped = false;
  /** The length of the frame that is sent. */
  readonly #sentPrefix = new DataView(new ArrayBuffer(prefixSize));
  readonly #sentPrefixBytes = new Uint8Array(this.#sentPrefix.buffer);
  readonly #sentPrefixAddress: number;
  /** What the socket had no room for of the last frame. */
  readonly #rest = new Uint8Array(prefixSize + longest);
  readonly #restAddress: number;
  #restStart = 0;
  #restEnd = 0;

  /** @param fd of a socket that does not block. */
  constructor(fd: number, vector: IoVector, backend: Backend) {
    this.fd = fd;
    this.#vector = vector;
    this.#scratchAddress = backend.address(this.#scratch);
    this.#prefixAddress = backend.address(this.#prefix);
    this.#sentPrefixAddress = backend.address(this.#sentPrefix);
    this.#restAddress = backend.address(this.#rest);
  }

  /** It has none. */
  setFeatures(): void {}

  receive(buffers: ReceiveBuffers): Received {
    if (this.#length === unknown) {
      const result = this.#readPrefix();
      if (result !== Received.Frame) return result;
    }
    if (this.#isDropped) return this.#drop();
    if (!buffers.reserve(headerSize + this.#length)) {
      const { isAll } = buffers;
      buffers.putBack();
      if (!isAll) return Received.NoBuffers;
      // No buffers of this driver have room for it.
      this.#isDropped = true;
      return Received.Frame;
    }
    return this.#readFrame(buffers);
  }

  send(chain: Chain): Sent {
    const flushed = this.flush();
    if (flushed !== Sent.Done) return flushed;
    const length = chain.readableLength - headerSize;
    if (length < shortestFrame || length > longest) return Sent.Done;
    this.#sentPrefix.setUint32(0, length);
    const vector = this.#vector;
    vector.clear();
    vector.add(this.#sentPrefixAddress, prefixSize);
    vector.addReadable(chain, headerSize, length);
    const result = vector.write(this.fd);
    if (result < 0) return result === -EAGAIN ? Sent.Full : Sent.Ended;
    if (result === prefixSize + length) return Sent.Done;
    // The length is promised now, whatever the driver does to its chain.
    this.#rest.set(this.#sentPrefixBytes);
    chain.readInto(headerSize, this.#rest, prefixSize, length);
    this.#restStart = result;
    this.#restEnd = prefixSize + length;
    return Sent.DoneAndFull;
  }

  flush(): Sent {
    while (this.#restStart < this.#restEnd) {
      this.#vector.clear();
      this.#vector.add(this.#restAddress + this.#restStart, this.#restEnd - this.#restStart);
      const result = this.#vector.write(this.fd);
      if (result < 0) return result === -EAGAIN ? Sent.Full : Sent.Ended;
      this.#restStart += result;
    }
    return Sent.Done;
  }

  /** The frame that has come in part is lost with its buffers. */
  reset(): void {
    if (this.#done > 0) this.#isDropped = true;
  }

  #readPrefix(): Received {
    while (this.#prefixDone < prefixSize) {
      this.#vector.clear();
      this.#vector.add(this.#prefixAddress + this.#prefixDone, prefixSize - this.#prefixDone);
      const result = this.#vector.read(this.fd);
      if (result <= 0) return result === -EAGAIN ? Received.Nothing : Received.Ended;
      this.#prefixDone += result;
    }
    this.#prefixDone = 0;
    this.#length = this.#prefix.getUint32(0);
    this.#isDropped = this.#length < shortestFrame || this.#length > longest;
    return Received.Frame;
  }

  /** Reads into the reserved buffers, behind what is there already, and the length of the next frame. */
  #readFrame(buffers: ReceiveBuffers): Received {
    const wanted = this.#length - this.#done;
    const vector = this.#vector;
    vector.clear();
    const described = buffers.describe(vector, headerSize + this.#done, wanted);
    if (described === wanted) vector.add(this.#prefixAddress, prefixSize);
    const result = vector.read(this.fd);
    if (result <= 0) {
      buffers.putBack();
      return result === -EAGAIN ? Received.Nothing : Received.Ended;
    }
    if (result < wanted) {
      // The same buffers are there the next time: a driver does not take them back.
      buffers.putBack();
      this.#done += result;
      return Received.Frame;
    }
    buffers.write(0, this.#header, 0, headerSize);
    buffers.give(headerSize + this.#length);
    this.#finish(result - wanted);
    return Received.Frame;
  }

  /** Reads what the driver does not get. */
  #drop(): Received {
    const wanted = Math.min(this.#length - this.#done, this.#scratch.length);
    if (wanted > 0) {
      this.#vector.clear();
      this.#vector.add(this.#scratchAddress, wanted);
      const result = this.#vector.read(this.fd);
      if (result <= 0) return result === -EAGAIN ? Received.Nothing : Received.Ended;
      this.#done += result;
    }
    if (this.#done === this.#length) this.#finish(0);
    return Received.Frame;
  }

  /** The next frame begins, with so many bytes of its length. */
  #finish(prefixDone: number): void {
    this.#prefixDone = prefixDone;
    this.#length = unknown;
    this.#done = 0;
    this.#isDropped = false;
  }
}
