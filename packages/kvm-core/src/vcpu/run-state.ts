import { KvmRun } from '../abi/x86/index.js';
import type { Backend } from '../backend/backend.js';
import { errnoName, KvmError } from '../errors/kvm-error.js';

/**
 * The pages of a vCPU that the kernel shares with the process: the run state, the data of port I/O, the coalesced ring.
 *
 * Views of them may outlive the vCPU. So its end puts zero pages in their place, and their addresses are given back when the
 * last view is gone; or never, once the address was told to another thread, whose view nobody here can see the end of.
 */
export class RunState {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly run: KvmRun;
  readonly address: number;
  readonly #backend: Backend;
  readonly #forget = {};

  constructor(backend: Backend, fd: number, length: number) {
    const address = backend.map(fd, length, 0);
    if (address < 0) {
      throw new KvmError('ERR_KVM_SYSCALL', `mapping the run state: ${errnoName(-address)}`, { errno: -address });
    }
    this.#backend = backend;
    this.address = address;
    this.bytes = new Uint8Array(backend.view(address, length));
    this.run = KvmRun.at(this.bytes);
    unmapping.register(this.bytes.buffer, { backend, address, length }, this.#forget);
  }

  /** Keeps the addresses for ever: another thread knows them. */
  pin(): void {
    unmapping.unregister(this.#forget);
  }

  close(): void {
    this.#backend.blank(this.address, this.bytes.length);
  }
}

const unmapping = new FinalizationRegistry<{ backend: Backend; address: number; length: number }>(
  ({ backend, address, length }) => {
    backend.unmap(address, length);
  },
);
