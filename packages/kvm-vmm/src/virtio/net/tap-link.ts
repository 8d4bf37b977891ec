import { constants } from 'node:os';
import type { Backend } from '@kvm/core/backend';
import { TUN_F_CSUM, TUN_F_TSO_ECN, TUN_F_TSO4, TUN_F_TSO6, TUNSETOFFLOAD } from '../../abi/tun/index.js';
import {
  VIRTIO_NET_F_GUEST_CSUM,
  VIRTIO_NET_F_GUEST_ECN,
  VIRTIO_NET_F_GUEST_TSO4,
  VIRTIO_NET_F_GUEST_TSO6,
} from '../../abi/virtio/constants.js';
import type { Chain } from '../chain.js';
import { has } from '../features.js';
import { headerSize, longestFrame } from './frames.js';
import type { IoVector } from './io-vector.js';
import { type Link, Received, Sent } from './link.js';
import type { ReceiveBuffers } from './receive-buffers.js';

const { EAGAIN } = constants.errno;

/** What the driver takes, and the bit that lets the tap make use of it. */
const offloads = [
  [VIRTIO_NET_F_GUEST_CSUM, TUN_F_CSUM],
  [VIRTIO_NET_F_GUEST_TSO4, TUN_F_TSO4],
  [VIRTIO_NET_F_GUEST_TSO6, TUN_F_TSO6],
  [VIRTIO_NET_F_GUEST_ECN, TUN_F_TSO_ECN],
] as const;

const longest = headerSize + longestFrame;

/**
 * A tap of the host. Its frames have the header of virtio-net, which the kernel checks and fills, so checksums and
 * segmentation are done where they cost least. One system call moves a frame.
 */
export class TapLink implements Link {
  readonly fd: number;
  readonly #backend: Backend;
  readonly #vector: IoVector;
  /**
   * How long a frame is shows when it was read. What the driver's first buffer has no room for comes here, to its place
   * in the frame. The whole frame is here while it waits for buffers.
   */
  readonly #frame = new Uint8Array(longest);
  readonly #frameAddress: number;
  #waitingLength = 0;

  /** @param fd of a tap that `openTap` has set up. */
  constructor(fd: number, vector: IoVector, backend: Backend) {
    this.fd = fd;
    this.#vector = vector;
    this.#backend = backend;
    this.#frameAddress = backend.address(this.#frame);
  }

  setFeatures(features: bigint): void {
    const flags = offloads.reduce((all, [feature, flag]) => (has(features, feature) ? all | flag : all), 0);
    this.#backend.ioctl(this.fd, TUNSETOFFLOAD.request, flags);
  }

  receive(buffers: ReceiveBuffers): Received {
    if (this.#waitingLength > 0) return this.#receiveWaiting(buffers);
    if (!buffers.reserve(0)) return Received.NoBuffers;
    const vector = this.#vector;
    vector.clear();
    const direct = buffers.describe(vector, 0, Math.min(buffers.total, longest));
    if (direct < longest) vector.add(this.#frameAddress + direct, longest - direct);
    const length = vector.read(this.fd);
    if (length <= 0) {
      buffers.putBack();
      return length === -EAGAIN ? Received.Nothing : Received.Ended;
    }
    if (length > direct) {
      if (!buffers.reserve(length)) return this.#keep(buffers, direct, length);
      buffers.write(direct, this.#frame, direct, length - direct);
    }
    buffers.give(length);
    return Received.Frame;
  }

  send(chain: Chain): Sent {
    const length = chain.readableLength;
    const vector = this.#vector;
    vector.clear();
    // What is too long, or in too many pieces, is no frame.
    if (length > longest || vector.addReadable(chain, 0, length) < length) return Sent.Done;
    // The tap refuses what is no frame, and takes none while it is down: they are lost.
    return vector.write(this.fd) === -EAGAIN ? Sent.Full : Sent.Done;
  }

  flush(): Sent {
    return Sent.Done;
  }

  reset(): void {
    this.#waitingLength = 0;
    this.setFeatures(0n);
  }

  /** The driver's buffers have no room for a frame that was read. It waits here if the driver may add more. */
  #keep(buffers: ReceiveBuffers, direct: number, length: number): Received {
    if (buffers.isAll) {
      buffers.putBack();
      return Received.Frame;
    }
    buffers.read(this.#frame, direct);
    buffers.putBack();
    this.#waitingLength = length;
    return Received.NoBuffers;
  }

  #receiveWaiting(buffers: ReceiveBuffers): Received {
    const length = this.#waitingLength;
    if (buffers.reserve(length)) {
      buffers.write(0, this.#frame, 0, length);
      buffers.give(length);
    } else {
      const { isAll } = buffers;
      buffers.putBack();
      if (!isAll) return Received.NoBuffers;
    }
    this.#waitingLength = 0;
    return Received.Frame;
  }
}
