import type { Architecture } from '../arch/architecture.js';
import type { Backend } from '../backend/backend.js';
import { KvmError } from '../errors/kvm-error.js';
import { Descriptor, unreachable } from '../ioctl/descriptor.js';
import { systemCall } from '../ioctl/system-call.js';
import { custom, hex, type ShowOptions, show } from '../struct/inspect.js';
import { GuestMemory } from './guest-memory.js';

/**
 * A file of memory that belongs to one VM: its guest's, and not this process's, which sees it only where its flags allow.
 * `vm.createGuestMemfd` makes one, and `vm.setUserMemoryRegion2` puts it into a slot, which keeps it until the slot is deleted.
 */
export class GuestMemfd implements Disposable {
  /** Of `GuestMemfdFlag`. */
  readonly flags: bigint;
  readonly #descriptor: Descriptor;
  readonly #size: number;
  readonly #mappable: boolean;
  #closed = false;

  /** @internal */
  constructor(arch: Architecture, backend: Backend, fd: number, size: number, flags: bigint) {
    const { Mmap, InitShared } = arch.abi.GuestMemfdFlag;
    this.#size = size;
    this.flags = flags;
    this.#mappable = (flags & Mmap) !== 0n && (flags & InitShared) !== 0n;
    // The VM is no parent: its slots may hold this, and neither would ever be let go.
    this.#descriptor = new Descriptor(arch, backend, fd);
    unreachable.register(this, this.#descriptor, this.#descriptor);
  }

  /** @internal A slot has the file: gives what to call when it no longer does. */
  hold(): () => void {
    return this.#descriptor.hold();
  }

  /** Bytes. */
  get size(): number {
    return this.#size;
  }

  /** @internal `console.log`. */
  [custom](depth: unknown, options?: ShowOptions): string {
    const members = () => ({
      size: hex(this.#size),
      flags: hex(this.flags),
      ...(this.#closed ? { closed: true } : { fd: this.#descriptor.fd }),
    });
    return show('GuestMemfd', members, depth, options);
  }

  /** Whether `close` has been called. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * The file descriptor. It belongs to this object.
   *
   * @throws KvmError `ERR_KVM_CLOSED`.
   */
  get fd(): number {
    if (this.#closed) throw new KvmError('ERR_KVM_CLOSED', 'this GuestMemfd is closed');
    return this.#descriptor.fd;
  }

  /**
   * The file's pages, mapped into this process: what is written there is the guest's. They stay when this object is closed, until
   * the memory is closed as well and in no slot, or until nobody can reach it or a view of it: a buffer made of a view's by
   * `transfer` keeps nothing, and reads zero then. Each call maps them again.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` unless the file was made with `GuestMemfdFlag.Mmap` and `InitShared`: a touch of
   *   pages that are the guest's alone would end the process.
   */
  map(): GuestMemory {
    const { fd } = this;
    if (!this.#mappable) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'this GuestMemfd is for its guest alone', {
        hint: 'GuestMemfdFlag.Mmap and GuestMemfdFlag.InitShared make one that this process sees, too',
      });
    }
    const { backend } = this.#descriptor;
    const size = this.#size;
    const address = systemCall('mapping a guest_memfd', backend.map(fd, size, 0));
    try {
      return GuestMemory.mapped(backend, address, size);
    } catch (error) {
      backend.blank(address, size);
      throw error;
    }
  }

  /** Gives the descriptor back, once no slot needs it. A second call does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    unreachable.unregister(this.#descriptor);
    this.#descriptor.release();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
