import { once } from 'node:events';
import { KvmError } from '@kvm/core';
import { u32 } from '@kvm/core/struct';
import { gone } from './connection-error.js';
import { type Acceptor, ConnectionTable } from './connection-table.js';
import type { VsockLink } from './link.js';
import type { Vsock, VsockConnection, VsockListener } from './vsock.js';

/** The sockets as the main thread has them. */
export class VsockHost implements Vsock {
  readonly #table: ConnectionTable;
  readonly #listeners = new Map<number, (connection: VsockConnection) => void>();
  #other: ((hostPort: number) => Acceptor) | undefined;
  #hasEnded = false;

  constructor(link: VsockLink) {
    this.#table = new ConnectionTable(link, (hostPort) => this.#acceptorOf(hostPort));
  }

  async connect(port: number, { signal }: { signal?: AbortSignal } = {}): Promise<VsockConnection> {
    u32(port, 'a vsock port');
    if (this.#hasEnded) throw gone();
    const { stream } = this.#table.request(port);
    try {
      await once(stream, 'connect', signal === undefined ? {} : { signal });
      return stream;
    } catch (error) {
      stream.destroy();
      throw error;
    }
  }

  listen(port: number, accept: (connection: VsockConnection) => void): VsockListener {
    u32(port, 'a vsock port');
    if (typeof accept !== 'function') throw invalid('the second argument of vsock.listen must be a function');
    if (this.#listeners.has(port)) throw invalid(`there is a listener at vsock port ${port} already`);
    this.#listeners.set(port, accept);
    const close = (): void => {
      if (this.#listeners.get(port) === accept) this.#listeners.delete(port);
    };
    return { close, [Symbol.dispose]: close };
  }

  /** Sets what takes connections to ports without a listener. */
  setOther(acceptorOf: (hostPort: number) => Acceptor): void {
    this.#other = acceptorOf;
  }

  /** The thread of the devices has reported. */
  take(): void {
    if (!this.#hasEnded) this.#table.take();
  }

  /** The machine has ended. What the guest has sent before is still read. */
  finish(): void {
    if (this.#hasEnded) return;
    this.#table.drain();
    this.#hasEnded = true;
    this.#table.abandon();
  }

  #acceptorOf(hostPort: number): Acceptor | undefined {
    const listener = this.#listeners.get(hostPort);
    if (listener === undefined) return this.#other?.(hostPort);
    return (connection) => {
      connection.accept();
      listener(connection.stream);
    };
  }
}

function invalid(message: string): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', message);
}
