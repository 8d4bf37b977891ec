import { EpollEvent, type GuestMemory } from '@kvm/core';
import type { Backend } from '@kvm/core/backend';
import type { Wires } from '../../machine/wires.js';
import { IoVector } from './io-vector.js';
import { VirtioNet } from './net.js';
import type { NetPlan } from './plan.js';
import { StreamLink } from './stream-link.js';
import { TapLink } from './tap-link.js';
import { acceptUnix } from './unix-socket.js';

/** What a network card of the thread of the devices is made with. */
export interface NetParts {
  readonly wires: Pick<Wires, 'watch' | 'onClose'>;
  readonly memory: GuestMemory;
  readonly backend: Backend;
}

/** Makes a network card. One with a listener is plugged while somebody is connected. */
export function makeNet(plan: NetPlan, name: string, { wires, memory, backend }: NetParts): VirtioNet {
  const { mac, mtu, rates, link } = plan;
  const vector = new IoVector(memory, backend);
  const watch: Wires['watch'] = (...args) => wires.watch(...args);
  const options = { name, mac, mtu, rates, watch };
  if (link.kind === 'tap') {
    const net = new VirtioNet({ ...options, hasOffloads: true });
    net.plug(new TapLink(link.fd, vector, backend));
    return net;
  }
  if (link.kind === 'stream') {
    const net = new VirtioNet({ ...options, hasOffloads: false });
    net.plug(new StreamLink(link.fd, vector, backend));
    return net;
  }
  let connection = -1;
  const hangUp = (): void => {
    if (connection >= 0) backend.close(connection);
    connection = -1;
  };
  const unplugged = (): void => {
    hangUp();
    listener.setEvents(EpollEvent.In);
  };
  const net = new VirtioNet({ ...options, hasOffloads: false, unplugged });
  const listener = wires.watch(link.fd, EpollEvent.In, () => {
    connection = acceptUnix(link.fd, backend);
    if (connection < 0) return;
    // Others wait until this one has gone.
    listener.setEvents(0);
    net.plug(new StreamLink(connection, vector, backend));
  });
  wires.onClose(hangUp);
  return net;
}
