import { VIRTIO_VSOCK_OP_REQUEST, VIRTIO_VSOCK_OP_RST, VIRTIO_VSOCK_TYPE_STREAM } from '../../abi/virtio/constants.js';
import { Connection, type ConnectionOwner, type Ports } from './connection.js';
import { tooMany } from './connection-error.js';
import type { VsockLink } from './link.js';
import { mostBuffered } from './vsock-plan.js';

/** The most connections at a time, those included that the guest has closed and nobody has read to the end. */
export const mostConnections = 4096;
/** So many have a large buffer, the others a small one: what a guest can have buffered is 240 MiB at most. */
const largeBuffers = 512;
const smallBuffer = 2 ** 15;

/** The ports of this host for its own connections: those that no program would choose for a listener. */
const firstPort = 2 ** 30;
const lastPort = 2 ** 31 - 1;

/** Packets that are handled before other things of the main thread have their turn. */
const packetsATurn = 512;

/** What listens at a port of the host: it gets the connections of the guest, and accepts or destroys them. */
export type Acceptor = (connection: Connection) => void;

/** All connections, and the packets between them and the guest. */
export class ConnectionTable implements ConnectionOwner {
  readonly link: VsockLink;
  readonly #acceptorOf: (hostPort: number) => Acceptor | undefined;
  readonly #all = new Set<Connection>();
  /** By the port of the host, then by that of the guest. */
  readonly #byPorts = new Map<number, Map<number, Connection>>();
  readonly #ready = new Set<Connection>();
  #port = firstPort;
  #isBusy = false;
  #isScheduled = false;
  /** Nobody takes answers any more. */
  #isOver = false;

  /** @param acceptorOf what listens at a port of the host. */
  constructor(link: VsockLink, acceptorOf: (hostPort: number) => Acceptor | undefined) {
    this.link = link;
    this.#acceptorOf = acceptorOf;
  }

  /**
   * Connects to a port of the guest.
   *
   * @throws KvmError `ERR_KVM_CLOSED` if there are too many connections.
   */
  request(guestPort: number): Connection {
    const ports = this.#portsFor(this.#freePort(), guestPort);
    if (ports === undefined) throw tooMany(mostConnections);
    return this.#add(Connection.request(this, ports));
  }

  /** The thread of the devices has reported: there are packets, there is room, or all connections are gone. */
  take(): void {
    const isMore = this.#takeSome(packetsATurn);
    this.#flush();
    if (!isMore || this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.take();
    });
  }

  /** Takes the last packets of a guest that has ended. */
  drain(): void {
    this.link.close();
    this.#isOver = true;
    this.#takeSome(Number.POSITIVE_INFINITY);
  }

  /** Ends all connections. What the guest has shut down before can still be read. */
  abandon(): void {
    for (const connection of this.#all) connection.abandon();
  }

  ready(connection: Connection): void {
    this.#ready.add(connection);
    if (!this.#isBusy) this.#flush();
  }

  ended(connection: Connection): void {
    const { hostPort, guestPort, stream } = connection;
    const peers = this.#byPorts.get(hostPort);
    peers?.delete(guestPort);
    if (peers?.size === 0) this.#byPorts.delete(hostPort);
    this.#ready.delete(connection);
    if (stream.destroyed) this.#all.delete(connection);
  }

  closed(connection: Connection): void {
    if (this.#find(connection) !== connection) this.#all.delete(connection);
  }

  /** Returns whether there may be more packets than so many. */
  #takeSome(most: number): boolean {
    this.#isBusy = true;
    try {
      if (this.link.takeNewEpoch()) this.abandon();
      for (let count = 0; count < most; count++) {
        // A packet may need an answer. Without room for it, the packet waits.
        const at = this.#isOver || this.link.hasRoom ? this.link.next() : -1;
        if (at < 0) return false;
        try {
          this.#receive(at);
        } finally {
          this.link.release();
        }
      }
      return true;
    } finally {
      this.#isBusy = false;
    }
  }

  #receive(at: number): void {
    const { link } = this;
    const { op, type, srcPort: guestPort, dstPort: hostPort } = link.received;
    const connection = this.#find({ hostPort, guestPort });
    if (type !== VIRTIO_VSOCK_TYPE_STREAM) {
      if (op !== VIRTIO_VSOCK_OP_RST) link.refuse();
    } else if (connection !== undefined) {
      connection.receive(link.received, link.bytes, at, link.payloadLength);
    } else if (op === VIRTIO_VSOCK_OP_REQUEST) {
      this.#offer(hostPort, guestPort);
    } else if (op !== VIRTIO_VSOCK_OP_RST) link.refuse();
  }

  #offer(hostPort: number, guestPort: number): void {
    const accept = this.#acceptorOf(hostPort);
    const ports = this.#portsFor(hostPort, guestPort);
    if (accept === undefined || ports === undefined) this.link.refuse();
    else accept(this.#add(Connection.offered(this, ports, this.link.received)));
  }

  #add(connection: Connection): Connection {
    const { hostPort, guestPort } = connection;
    this.#all.add(connection);
    const peers = this.#byPorts.get(hostPort) ?? new Map<number, Connection>();
    this.#byPorts.set(hostPort, peers.set(guestPort, connection));
    return connection;
  }

  #find({ hostPort, guestPort }: Pick<Ports, 'hostPort' | 'guestPort'>): Connection | undefined {
    return this.#byPorts.get(hostPort)?.get(guestPort);
  }

  /** Undefined if there are too many connections. */
  #portsFor(hostPort: number, guestPort: number): Ports | undefined {
    const count = this.#all.size;
    if (count >= mostConnections) return undefined;
    return { hostPort, guestPort, bufAlloc: count < largeBuffers ? mostBuffered : smallBuffer };
  }

  #freePort(): number {
    do this.#port = this.#port === lastPort ? firstPort : this.#port + 1;
    while (this.#byPorts.has(this.#port));
    return this.#port;
  }

  /** Sends a packet of each connection that has some, in turn, while there is room. */
  #flush(): void {
    this.#isBusy = true;
    try {
      for (const connection of this.#ready) {
        // It goes to the end, which this loop reaches, too.
        this.#ready.delete(connection);
        const isSent = connection.send();
        if (connection.hasPacket) this.#ready.add(connection);
        if (!isSent) break;
      }
    } finally {
      this.#isBusy = false;
    }
    this.link.flush();
  }
}
