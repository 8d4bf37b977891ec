import type { Chain } from '../chain.js';
import type { ReceiveBuffers } from './receive-buffers.js';

/** What has come of an attempt to receive a frame. */
export const Received = {
  /** The driver has got one, or it was dropped: try again. */
  Frame: 0,
  /** There is none: wait for the other side. */
  Nothing: 1,
  /** The driver has no buffers for it: wait for the driver. */
  NoBuffers: 2,
  /** There will be none: the other side has gone. */
  Ended: 3,
} as const;
export type Received = (typeof Received)[keyof typeof Received];

/** What has come of an attempt to send a frame. */
export const Sent = {
  /** It is on its way, or it was dropped, as a network may. */
  Done: 0,
  /** It is on its way, and there is no room for another one now. */
  DoneAndFull: 1,
  /** There is no room for it now. */
  Full: 2,
  /** It was dropped: the other side has gone. */
  Ended: 3,
} as const;
export type Sent = (typeof Sent)[keyof typeof Sent];

/** The other end of the cable: what carries the frames of a network device. No call blocks or throws. */
export interface Link {
  /** To wait for it: for frames, and for room. */
  readonly fd: number;
  /** The driver and the device agree on these features. */
  setFeatures(features: bigint): void;
  /** Moves a frame into the driver's buffers. */
  receive(buffers: ReceiveBuffers): Received;
  /** Moves a frame, which begins with the header of virtio-net, out of a chain. */
  send(chain: Chain): Sent;
  /** Moves on what `send` has accepted. */
  flush(): Sent;
  /** The driver has forgotten its buffers. */
  reset(): void;
}
