import { randomBytes } from 'node:crypto';
import { closeSync } from 'node:fs';
import type { Backend } from '@kvm/core/backend';
import type { PasstOptions, SocketOptions, TapOptions } from '../../machine/document.js';
import { bytesOfMac } from './mac.js';
import type { OpenLink } from './open-link.js';
import { openPasst } from './open-passt.js';
import { openSocket } from './open-socket.js';
import { openTap } from './open-tap.js';
import type { NetPlan } from './plan.js';

/** The network of a card. */
export type NetOptions = TapOptions | PasstOptions | SocketOptions;

/** An open network. */
export interface OpenNet {
  /** For the thread of the devices. */
  readonly plan: NetPlan;
  /** Resolves when it can be used, or rejects with what is wrong. */
  readonly ready: Promise<void>;
  /** A second call does nothing. */
  close(): void;
}

/**
 * Opens the host's side of a network.
 *
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for one that cannot be used; the hint says what to do.
 */
export function openNet(options: NetOptions, backend: Backend): OpenNet {
  const link = openLink(options, backend);
  // Whoever closes it before does not care.
  link.ready.catch(() => {});
  const mac = options.mac === undefined ? randomMac() : bytesOfMac(options.mac);
  let isOpen = true;
  const close = (): void => {
    if (isOpen) link.close();
    isOpen = false;
  };
  const { mtu, bytesPerSecond, framesPerSecond } = options;
  const plan: NetPlan = { kind: 'net', mac, mtu, rates: { bytesPerSecond, framesPerSecond }, link: link.plan };
  return { plan, ready: link.ready, close };
}

function openLink(options: NetOptions, backend: Backend): OpenLink {
  if (options.type === 'passt') return openPasst(options, backend);
  if (options.type === 'socket') return openSocket(options, backend);
  const fd = openTap(options.name, backend);
  return { plan: { kind: 'tap', fd }, ready: Promise.resolve(), close: () => closeSync(fd) };
}

/** An address of nobody else's: locally administered, of one card. */
function randomMac(): number[] {
  const [first = 0, ...others] = randomBytes(6);
  return [(first & 0xfc) | 0x02, ...others];
}
