import { constants } from 'node:os';
import type { Architecture } from '../arch/architecture.js';
import type { Backend } from '../backend/backend.js';
import { Struct } from '../struct/struct.js';
import { type Claim, endClaim } from './claim.js';
import { retried } from './retry.js';

const { EINTR } = constants.errno;

/** Memory whose address the kernel has. */
export interface Held {
  readonly memory: unknown;
  /** Called when the kernel no longer uses it. */
  readonly release?: () => void;
}

/** A memory slot in use. */
export interface Slot {
  readonly guestPhysAddr: bigint;
  /** The size in bytes. */
  readonly size: number;
  readonly flags: number;
  /** The guest's pages in this process. They must outlive every vCPU: the kernel has only their address. */
  readonly pages: Uint8Array;
  /** The address of the pages in this process. */
  readonly address: number;
  /** Called when the slot no longer has them. */
  readonly release: () => void;
  /** Called when other threads get them, too. */
  readonly share: () => void;
}

/** What all objects of one VM share. */
export interface VmFacts {
  /** The size of a vCPU's mapping in bytes. */
  readonly mmapSize: number;
  /** The size of each vCPU's dirty ring in bytes; 0 without dirty rings. */
  dirtyRingBytes: number;
  readonly slots: Map<number, Slot>;
  /** A number that no other VM has; undefined before the VM is first shared. */
  identity?: number;
}

/**
 * Keeps the memory alive whose addresses the current call uses. It is no member of a descriptor: a view of a run state
 * keeps its vCPU alive, and a descriptor must not.
 */
const inUse: { argument?: unknown } = {};

/**
 * The lifetime of a file descriptor, separate from the object that uses it. So the descriptor of an object that was
 * dropped without `close` can be closed, and the descriptor of a closed VM stays open while its vCPUs run.
 */
export class Descriptor {
  readonly arch: Architecture;
  readonly backend: Backend;
  readonly fd: number;
  readonly parent: Descriptor | undefined;
  /** Memory whose address the kernel has, by its purpose. It lives as long as the descriptor and its children. */
  readonly held = new Map<string, Held>();
  /** Cached results of KVM_CHECK_EXTENSION, for limits. */
  readonly limits = new Map<number, number>();
  /** Cached results of /dev/kvm that never change. */
  readonly answers = new Map<string, unknown>();
  /** Only if this is a VM. */
  readonly vm: VmFacts | undefined;
  /** Tells other threads with the VM whether this descriptor is open; undefined before the VM is shared. */
  shared: Claim | undefined;
  /** The number of users: the object, its children, and others that called `hold`. */
  #users = 1;
  #released = false;
  readonly #onRelease: (() => void) | undefined;

  /** @param onRelease called before the descriptor is closed; it must not refer to the object. */
  constructor(
    arch: Architecture,
    backend: Backend,
    fd: number,
    parent?: Descriptor,
    onRelease?: () => void,
    vm?: VmFacts,
  ) {
    this.arch = arch;
    this.backend = backend;
    this.fd = fd;
    this.parent = parent;
    this.#onRelease = onRelease;
    this.vm = vm;
    if (parent !== undefined) parent.#users++;
  }

  /** Whether it is closed, or another thread's: the number may have been reused. */
  get released(): boolean {
    return this.#released;
  }

  /** The descriptor of /dev/kvm that this one was created from; itself if it is /dev/kvm. */
  get system(): Descriptor {
    return this.parent?.system ?? this;
  }

  /** Makes one ioctl, again if a signal interrupts it. Returns the result of the system call, or `-errno`. */
  ioctl(request: number, argument: number): number {
    const result = this.backend.ioctl(this.fd, request, argument);
    return result === -EINTR ? this.#retry(request, argument) : result;
  }

  #retry(request: number, argument: number): number {
    return retried(() => this.backend.ioctl(this.fd, request, argument));
  }

  /**
   * The address of a struct's bytes, for an ioctl. The bytes live until the next call even if nothing else refers to
   * them, and so does `behind`: the memory at the addresses in the struct.
   */
  addressOf(struct: Struct, behind?: readonly object[]): number {
    inUse.argument = behind === undefined ? struct : [struct, behind];
    return Struct.addressOf(struct, this.backend);
  }

  /** Adds a user that is not a child. Returns the function that removes it. */
  hold(): () => void {
    this.#users++;
    let held = true;
    return () => {
      if (held) this.release();
      held = false;
    };
  }

  /** Gives the descriptor up: another thread owns it now, and will close it. */
  abandon(): void {
    this.#released = true;
    if (this.shared !== undefined) endClaim(this.shared);
    this.parent?.release();
  }

  /** Removes a user. After the last one, the descriptor is closed and the parent has one user less. */
  release(): void {
    if (this.#released || --this.#users > 0) return;
    this.#released = true;
    pinned.delete(this);
    if (this.shared !== undefined) endClaim(this.shared);
    this.#onRelease?.();
    this.backend.close(this.fd);
    for (const { release } of this.held.values()) release?.();
    this.held.clear();
    this.parent?.release();
  }
}

/** Closes the descriptors of unreachable objects that were not closed. */
export const unreachable = new FinalizationRegistry<Descriptor>((descriptor) => descriptor.release());

/** Descriptors that only `close` releases, with the memory that they hold. */
const pinned = new Set<Descriptor>();

/** Exempts an object from garbage collection: another thread may be about to use its handle. */
export function keepUntilClosed(descriptor: Descriptor): void {
  unreachable.unregister(descriptor);
  pinned.add(descriptor);
}

/** Objects by the buffers of their memory, which is released when the object is collected. */
const owners = new WeakMap<ArrayBufferLike, object>();

/** Keeps the owner from being collected while a view of the buffer is reachable. */
export function keepOwner(buffer: ArrayBufferLike, owner: object): void {
  owners.set(buffer, owner);
}

/**
 * Sets close-on-exec on a descriptor that an ioctl created. The kernel does so for most, but not for those of
 * KVM_GET_STATS_FD and KVM_CREATE_GUEST_MEMFD. FIOCLEX succeeds on every valid descriptor.
 */
export function closeOnExec({ arch, backend }: Descriptor, fd: number): void {
  backend.ioctl(fd, arch.fioclex, 0);
}
