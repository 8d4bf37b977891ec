import type { NetRates } from './rate-limit.js';

/** A network card, as the thread of the devices gets it: plain values. */
export interface NetPlan {
  readonly kind: 'net';
  readonly mac: readonly number[];
  readonly mtu: number | undefined;
  readonly rates: NetRates;
  readonly link: LinkPlan;
}

/** The other side: an open tap, a connected stream socket, or a socket at which one connects. */
export interface LinkPlan {
  readonly kind: 'tap' | 'stream' | 'listener';
  readonly fd: number;
}
