import type { Duplex } from 'node:stream';

/**
 * The sockets between a guest and this program: `machine.vsock`.
 *
 *     machine.vsock.listen(1024, (connection) => connection.pipe(connection));
 *     const connection = await machine.vsock.connect(5000);
 */
export interface Vsock {
  /**
   * Connects to a port of the guest. It waits until the guest has a driver.
   *
   * @throws KvmError `ERR_KVM_CLOSED`, with an `errno`: ECONNREFUSED if nothing listens there, ECONNRESET if the guest
   *   ends, EMFILE if there are too many connections. What `signal` says if it is aborted.
   */
  connect(port: number, options?: { signal?: AbortSignal }): Promise<VsockConnection>;
  /**
   * Accepts the connections of the guest to a port of the host, and passes each on. Without a listener, they go to the
   * Unix socket of that port, if the machine has a path for them.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` if there is a listener already.
   */
  listen(port: number, accept: (connection: VsockConnection) => void): VsockListener;
}

/** A port of the host at which something listens. */
export interface VsockListener extends Disposable {
  /** Refuses new connections. Those that there are stay. */
  close(): void;
}

/**
 * A connection between the guest and the host, as a stream. It may be half-closed: after `end` the guest can still
 * send, and after the end of the guest's bytes this side can. `destroy` resets it.
 *
 * If the guest resets the connection, it is destroyed with an error, unless nobody listens for errors.
 */
export interface VsockConnection extends Duplex {
  readonly hostPort: number;
  readonly guestPort: number;
}
