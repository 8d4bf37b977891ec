import type { Architecture } from '../arch/architecture.js';
import type { Backend } from '../backend/backend.js';
import { KvmError } from '../errors/kvm-error.js';
import { Descriptor, unreachable } from '../ioctl/descriptor.js';
import { systemCall } from '../ioctl/system-call.js';
import { integer } from '../struct/check.js';
import { custom, hex, type ShowOptions, show } from '../struct/inspect.js';
import { GuestMemory } from './guest-memory.js';
import { wholePages } from './sizes.js';

/**
 * A file of private memory that belongs to one VM. This process can access it only if its flags allow it.
 * `vm.createGuestMemfd` creates one, and `vm.setUserMemoryRegion2` puts it into a slot, which keeps it until the slot
 * is deleted.
 */
export class GuestMemfd implements Disposable {
  /** Flags of `GuestMemfdFlag`. */
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
    // The VM is not its parent: the VM's slots may hold this file, and the cycle would keep both open.
    this.#descriptor = new Descriptor(arch, backend, fd);
    unreachable.register(this, this.#descriptor, this.#descriptor);
  }

  /** @internal Called when a slot gets the file. Returns the function to call when the slot no longer has it. */
  hold(): () => void {
    return this.#descriptor.hold();
  }

  /** The size in bytes. */
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
   * Maps the file's pages into this process, shared with the guest. The mapping outlives this object: it exists until
   * the memory is closed and in no slot, or until the memory and its views are unreachable. A buffer made from a view's
   * buffer by `transfer` does not keep the mapping, and reads zero once it is gone. Each call creates a new mapping.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` unless the file was created with `GuestMemfdFlag.Mmap` and
   *   `InitShared`: an access to private pages would end the process.
   */
  map(): GuestMemory {
    const { fd } = this;
    if (!this.#mappable) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'this GuestMemfd is private to its guest', {
        hint: 'create it with GuestMemfdFlag.Mmap and GuestMemfdFlag.InitShared to map it',
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

  /**
   * Takes pages out of the file. They return to the host at once, and then read zero for the guest and in each mapping.
   * The next access takes new pages from the host. It needs no mapping, so it also works for memory that is private to
   * the guest.
   *
   * @param offset bytes from the start of the file, whole pages.
   * @param length bytes, whole pages; default: all up to the end.
   * @throws KvmError `ERR_KVM_OUT_OF_RANGE` if the range is not whole pages, or leaves the file.
   */
  discard(offset = 0, length?: number): void {
    const { fd } = this;
    integer(offset, 0, this.#size, 'the offset of the discarded pages');
    wholePages(offset, 'the offset of the discarded pages');
    const left = this.#size - offset;
    const size = integer(length ?? left, 0, left, 'the length of the discarded pages');
    wholePages(size, 'the length of the discarded pages');
    if (size > 0) systemCall('discarding pages of a guest_memfd', this.#descriptor.backend.punchHole(fd, offset, size));
  }

  /** Closes the object; its descriptor stays open while a slot needs it. A second call does nothing. */
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
