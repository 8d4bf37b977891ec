import { constants } from 'node:os';
import type { Architecture } from '../arch/architecture.js';
import type { Backend } from '../backend/backend.js';
import { Struct } from '../struct/struct.js';
import { type Claim, endClaim } from './claim.js';
import { retried } from './retry.js';

const { EINTR } = constants.errno;

/** Memory that the kernel knows by its address. */
export interface Held {
  readonly memory: unknown;
  /** The kernel no longer uses it. */
  readonly release?: () => void;
}

/** What is known of a slot in use. */
export interface Slot {
  readonly guestPhysAddr: bigint;
  /** Bytes. */
  readonly size: number;
  readonly flags: number;
  /** The guest's pages in this process. They must outlive every vCPU: the kernel knows their address alone. */
  readonly pages: Uint8Array;
  /** Where the pages are in this process. */
  readonly address: number;
  /** The slot no longer has them. */
  readonly release: () => void;
  /** Other threads have them too. */
  readonly share: () => void;
}

/** What all objects of one VM know of it. */
export interface VmFacts {
  /** Bytes of a vCPU that are mapped. */
  readonly mmapSize: number;
  /** Bytes of the dirty ring that each vCPU has; 0 where there are none. */
  dirtyRingBytes: number;
  readonly slots: Map<number, Slot>;
  /** That of no other VM; undefined before the VM is first shared. */
  identity?: number;
}

/**
 * The life of a file descriptor, apart from the object that stands for it: so the descriptor of an object that was
 * dropped without `close` can be given back, and that of a closed VM kept while its vCPUs run.
 */
export class Descriptor {
  readonly arch: Architecture;
  readonly backend: Backend;
  readonly fd: number;
  readonly parent: Descriptor | undefined;
  /**
   * Memory whose address the kernel has, by what it is for: it stays for as long as the descriptor and its children do.
   */
  readonly held = new Map<string, Held>();
  /** What it answered to KVM_CHECK_EXTENSION about limits. */
  readonly limits = new Map<number, number>();
  /** What /dev/kvm answered, and answers each time. */
  readonly answers = new Map<string, unknown>();
  /** Of a VM. */
  readonly vm: VmFacts | undefined;
  /** Tells the threads that the VM is shared with whether this descriptor is open; undefined before that. */
  shared: Claim | undefined;
  /** What the call that is being made has addresses of. */
  argumentInUse: unknown;
  /** One for the object, and one for each child. */
  #users = 1;
  #released = false;
  readonly #onRelease: (() => void) | undefined;

  /** @param onRelease what has to go before the descriptor; it must not refer to the object. */
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

  /** Whether the kernel has it back: the number may be somebody else's by now. */
  get released(): boolean {
    return this.#released;
  }

  /** The descriptor of /dev/kvm from which this one was made, or which it is. */
  get system(): Descriptor {
    return this.parent?.system ?? this;
  }

  /** One ioctl, made again when a signal cuts it short: what the system call returns, or `-errno`. */
  ioctl(request: number, argument: number): number {
    const result = this.backend.ioctl(this.fd, request, argument);
    return result === -EINTR ? this.#retry(request, argument) : result;
  }

  #retry(request: number, argument: number): number {
    return retried(() => this.backend.ioctl(this.fd, request, argument));
  }

  /**
   * The address of a struct's bytes, for an ioctl. They stay until the next call even if nobody else refers to them,
   * and so does what lies behind the addresses in the struct.
   */
  addressOf(struct: Struct, behind?: readonly object[]): number {
    this.argumentInUse = behind === undefined ? struct : [struct, behind];
    return Struct.addressOf(struct, this.backend);
  }

  /** One user more, of another kind than a child: gives what to call when it is one no longer. */
  hold(): () => void {
    this.#users++;
    let held = true;
    return () => {
      if (held) this.release();
      held = false;
    };
  }

  /** Another thread has it from now on, and what was to be done at its end is to be done there. */
  abandon(): void {
    this.#released = true;
    if (this.shared !== undefined) endClaim(this.shared);
    this.parent?.release();
  }

  /** One user less; the last one gives it back, and with it its claim on the parent. */
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

/** Gives back the descriptors of objects that nobody closed and nobody can reach any more. */
export const unreachable = new FinalizationRegistry<Descriptor>((descriptor) => descriptor.release());

/** Descriptors, and the memory that they hold, that only `close` gives back. */
const pinned = new Set<Descriptor>();

/** From now on only `close` ends an object: another thread may be about to take what it shared. */
export function keepUntilClosed(descriptor: Descriptor): void {
  unreachable.unregister(descriptor);
  pinned.add(descriptor);
}

/** Objects, by the buffers that show memory which goes when they are collected. */
const owners = new WeakMap<ArrayBufferLike, object>();

/** As long as anybody has a view of the buffer, the owner is not collected. */
export function keepOwner(buffer: ArrayBufferLike, owner: object): void {
  owners.set(buffer, owner);
}

/**
 * Sets close-on-exec on a descriptor that an ioctl gave: the kernel does so for most, but not for those of
 * KVM_GET_STATS_FD and KVM_CREATE_GUEST_MEMFD. A descriptor that is valid takes FIOCLEX.
 */
export function closeOnExec({ arch, backend }: Descriptor, fd: number): void {
  backend.ioctl(fd, arch.fioclex, 0);
}
