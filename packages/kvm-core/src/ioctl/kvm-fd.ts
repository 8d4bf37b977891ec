import type { ArgumentOf, FdKind, Ioctl } from '../abi/ioctl.js';
import type { Abi } from '../arch/architecture.js';
import type { Backend, BackendName } from '../backend/backend.js';
import { KvmError } from '../errors/kvm-error.js';
import { u32 } from '../struct/check.js';
import type { FlexStruct } from '../struct/flex.js';
import { className, custom, type ShowOptions, show } from '../struct/inspect.js';
import { copyOf, Struct, type StructInit, type StructType, withFields } from '../struct/struct.js';
import { checkLength, integerFor, numberFor, type StructIoctl, structFor, tellsLength } from './argument.js';
import {
  cachedCapability,
  enableCapability,
  hostCapability,
  lacking,
  refusal,
  refuseAddresses,
} from './capabilities.js';
import { closeOnExec, type Descriptor, type Held, unreachable } from './descriptor.js';
import { readGrowingList } from './growing-list.js';
import { checkRawIoctl } from './raw-ioctl.js';

/** An object that lives as long as its `KvmFd`. */
type Kept = object & { release?(): void };

/** A private struct for the argument of an ioctl that is given as plain fields. */
interface Scratch {
  readonly struct: Struct;
  readonly address: number;
}

/**
 * A file descriptor of KVM and its calls: `/dev/kvm`, a VM, a vCPU or a device.
 *
 * `close()` or `using` closes it; every later use throws `ERR_KVM_CLOSED`. A child keeps its parent's descriptor open:
 * that of a closed VM is closed with the last of its vCPUs.
 */
export abstract class KvmFd<K extends FdKind> implements Disposable {
  abstract readonly kind: K;
  readonly #descriptor: Descriptor;
  #closed = false;
  #transferred = false;
  /** The structs for arguments that are given as fields, by ioctl. */
  readonly #scratch = new Map<Ioctl, Scratch>();
  /** Objects that are released with this one, by name. */
  #kept: Map<string, Kept> | undefined;

  /** @internal */
  constructor(descriptor: Descriptor) {
    this.#descriptor = descriptor;
    unreachable.register(this, descriptor, descriptor);
  }

  /** The descriptor of an object, for its children. */
  protected static descriptorOf(object: KvmFd<FdKind>): Descriptor {
    return object.#descriptor;
  }

  protected get backend(): Backend {
    return this.#descriptor.backend;
  }

  /** The kernel's name of the architecture: "x86". */
  protected get archName(): string {
    return this.#descriptor.arch.name;
  }

  /** The ABI of the architecture. */
  protected get abi(): Abi {
    return this.#descriptor.arch.abi;
  }

  /** The name of the backend. */
  get backendName(): BackendName {
    return this.backend.name;
  }

  /** Whether `close` has been called. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * The file descriptor, for functions of Node that inspect it or pass it on. It belongs to this object.
   *
   * @throws KvmError `ERR_KVM_CLOSED`.
   */
  get fd(): number {
    if (this.#closed) throw this.#gone();
    return this.#descriptor.fd;
  }

  /** Closes the object. Its descriptor stays open while children need it. A second call does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#endKept();
    unreachable.unregister(this.#descriptor);
    this.#descriptor.release();
  }

  /** Ends the use of this object: another thread owns its descriptor now. */
  protected giveAway(): void {
    this.#closed = true;
    this.#transferred = true;
    this.#endKept();
    unreachable.unregister(this.#descriptor);
  }

  /** State that a group of calls has for this object: created on first use, released with the object. */
  protected kept<T extends Kept>(name: string, make: () => T): T {
    this.#kept ??= new Map();
    let kept = this.#kept.get(name) as T | undefined;
    if (kept === undefined) {
      kept = make();
      this.#kept.set(name, kept);
    }
    return kept;
  }

  #endKept(): void {
    for (const kept of this.#kept?.values() ?? []) kept.release?.();
  }

  #gone(): KvmError {
    return closedError(this.kind, this.#transferred);
  }

  /** Refuses a call that gives the kernel an address: this thread may end before others that share the VM. */
  protected notShared(what: string): void {
    for (let at: Descriptor | undefined = this.#descriptor; at !== undefined; at = at.parent) {
      if (at.shared === undefined) continue;
      throw new KvmError('ERR_KVM_UNSAFE', `${what} cannot change once the VM is shared with other threads`, {
        hint: 'do it before vm.share() and vcpu.transfer()',
      });
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** @internal `console.log`. */
  [custom](depth: unknown, options?: ShowOptions): string {
    const members = (): object => {
      if (this.#closed) return { ...this.shown(), [this.#transferred ? 'transferred' : 'closed']: true };
      return { ...this.shown(), fd: this.#descriptor.fd, backend: this.backendName };
    };
    return show(className(this), members, depth, options);
  }

  /** @internal What is printed in addition to the descriptor. */
  protected shown(): object {
    return {};
  }

  /**
   * Makes any ioctl of this kind of descriptor, with the argument that the kernel takes: a struct, a number, or one
   * integer in a typed array. The types refuse an ioctl of another kind and an argument of another ioctl.
   *
   * @returns the result of the system call.
   * @throws KvmError `ERR_KVM_SYSCALL` if the kernel refuses, `ERR_KVM_UNSUPPORTED` if it lacks the call,
   *   `ERR_KVM_INVALID_ARGUMENT` if the argument is not the ioctl's, `ERR_KVM_UNSAFE` if it carries an address of this
   *   process or creates a descriptor. Such a call has a method, which keeps the memory at the address alive, or closes
   *   the descriptor. (A few calls of powerpc create a descriptor and have no method: there the caller must close the
   *   returned number.)
   */
  ioctl<I extends Ioctl<FdKind>>(
    ioctl: K extends I['fd'][number] ? I : never,
    ...[argument]: ArgumentOf<I> extends undefined ? [] : [argument: ArgumentOf<I>]
  ): number {
    const table = ioctl as Ioctl;
    checkRawIoctl(this.#descriptor, this.kind, table);
    const result = this.#make(table, argument);
    if (table.gives === 'fd') closeOnExec(this.#descriptor, result);
    return result;
  }

  /** Checks the argument and makes the ioctl. */
  #make(ioctl: Ioctl, argument: unknown): number {
    switch (ioctl.argument.kind) {
      case 'struct':
        return this.#makeWith(ioctl, structFor(ioctl, argument));
      case 'integer':
        return this.call(ioctl, this.backend.address(integerFor(ioctl, ioctl.argument.size, argument)));
      default:
        return this.call(ioctl, numberFor(ioctl, argument));
    }
  }

  /** Makes an ioctl with a struct that others may use, too. */
  #makeWith(ioctl: Ioctl, struct: Struct): number {
    if (!tellsLength(ioctl)) return this.#makeWithOwn(ioctl, struct);
    // Another thread or the guest may write to the bytes: the kernel must get the values that were checked.
    const own = copyOf(struct);
    try {
      return this.#makeWithOwn(ioctl, own);
    } finally {
      if (ioctl.direction !== 'write') Struct.bytesOf(struct).set(own.bytes);
    }
  }

  #makeWithOwn(ioctl: Ioctl, struct: Struct): number {
    checkLength(this.#descriptor, this.kind, ioctl, struct);
    return this.call(ioctl, this.#descriptor.addressOf(struct));
  }

  /** The address of a struct's bytes for the next call: see `Descriptor.addressOf`. */
  protected addressOf(struct: Struct, behind?: readonly object[]): number {
    return this.#descriptor.addressOf(struct, behind);
  }

  /**
   * Keeps memory alive whose address the kernel has, as long as the descriptor and its children. It replaces the memory
   * that was kept under the same name.
   */
  protected hold(name: string, held: Held | undefined): void {
    const { held: all } = this.#descriptor;
    all.get(name)?.release?.();
    if (held === undefined) all.delete(name);
    else all.set(name, held);
  }

  /** Makes an ioctl; an errno becomes a `KvmError`. */
  protected call(ioctl: Ioctl, argument = 0): number {
    if (this.#closed) throw this.#gone();
    const result = this.#descriptor.ioctl(ioctl.request, argument);
    if (result < 0) throw this.refused(ioctl, -result);
    return result;
  }

  /** Makes an ioctl that returns a descriptor, and sets close-on-exec on it. */
  protected callForFd(ioctl: Ioctl, argument = 0): number {
    const fd = this.call(ioctl, argument);
    closeOnExec(this.#descriptor, fd);
    return fd;
  }

  /** The error for an ioctl that failed with an errno. */
  protected refused(ioctl: Ioctl, errno: number): KvmError {
    return refusal(this.#descriptor, this.kind, ioctl, errno);
  }

  /** The value of a capability from this descriptor: a VM's, or that of `/dev/kvm`. */
  protected ownCapability(cap: number): number {
    const { backend, arch } = this.#descriptor;
    const answer = backend.ioctl(this.fd, arch.checkExtension, u32(cap, 'a capability'));
    return answer >= 0 ? answer : this.call(this.abi.KVM_CHECK_EXTENSION, cap);
  }

  /** The value of a capability; -1 if no descriptor answers. */
  protected hostCapability(capability: number): number {
    return hostCapability(this.#descriptor, this.kind, capability);
  }

  /** The same, cached: for limits of a VM, which change only when a capability is enabled. */
  protected cachedCapability(capability: number): number {
    return cachedCapability(this.#descriptor, this.kind, capability);
  }

  /** Throws if the host lacks a capability, for cases in which the errno of the call would not tell. */
  protected requireCapability(cap: number, what: string): void {
    this.opened();
    if (this.hostCapability(cap) <= 0) throw lacking(this.#descriptor, cap, what);
  }

  /** The backend, for system calls other than ioctl. Throws if the object is closed. */
  protected opened(): Backend {
    if (this.#closed) throw this.#gone();
    return this.backend;
  }

  /** Makes an ioctl that fills a struct. */
  protected read<T extends Struct>(ioctl: StructIoctl<T>, into: T = new ioctl.argument.type()): T {
    this.#make(ioctl, into);
    return into;
  }

  /** Makes an ioctl that takes a struct, which is given as a struct or as its fields. */
  protected write<T extends Struct>(ioctl: StructIoctl<T>, value: T | StructInit<T>): number {
    if (value instanceof Struct) return this.#makeWith(ioctl, structFor(ioctl, value));
    const scratch = this.#scratch.get(ioctl) ?? this.#makeScratch(ioctl);
    if (scratch === undefined) return this.#makeWithOwn(ioctl, structOf(ioctl.argument.type, value));
    scratch.struct.bytes.fill(0);
    withFields(scratch.struct as T, value);
    return this.call(ioctl, scratch.address);
  }

  /** Undefined if the length differs from call to call. */
  #makeScratch(ioctl: StructIoctl<Struct>): Scratch | undefined {
    const { type } = ioctl.argument;
    if (ioctl.length !== undefined || 'elementsOffset' in type) return undefined;
    const struct = new type();
    const scratch = { struct, address: Struct.addressOf(struct, this.backend) };
    this.#scratch.set(ioctl, scratch);
    return scratch;
  }

  /** KVM_ENABLE_CAP, except for capabilities with an address of this process among their arguments. */
  protected enableCapability(cap: number, args: readonly bigint[], flags: number): void {
    refuseAddresses(this.abi, u32(cap, 'a capability'));
    this.enableWithAddress(cap, args, flags);
  }

  /** KVM_ENABLE_CAP. A caller that passes an address must keep its memory alive. */
  protected enableWithAddress(cap: number, args: readonly bigint[], flags: number): void {
    this.opened();
    enableCapability(this.#descriptor, this.kind, cap, args, flags);
  }

  /** Makes an ioctl that fills a list of unknown length. */
  protected readList<T extends FlexStruct>(ioctl: StructIoctl<T>): T {
    this.opened();
    return readGrowingList(this.#descriptor, this.kind, ioctl);
  }

  /**
   * A list of /dev/kvm, which is read once because it never changes. The caller must not change it. The descriptor of
   * /dev/kvm lives at least as long as those created from it.
   */
  protected readSystemList<T extends FlexStruct>(ioctl: StructIoctl<T>): T {
    this.opened();
    return this.onceForSystem(ioctl.name, () => readGrowingList(this.#descriptor.system, 'system', ioctl));
  }

  /** The result of the first `ask` under this name, among all objects created from this /dev/kvm. */
  protected onceForSystem<T>(name: string, ask: () => T): T {
    const { answers } = this.#descriptor.system;
    if (!answers.has(name)) answers.set(name, ask());
    return answers.get(name) as T;
  }
}

/** `type.from(value)`, which TypeScript cannot type for a class that is not known. */
function structOf<T extends Struct>(type: StructType<T>, value: StructInit<T>): T {
  return (type as unknown as { from(init: StructInit<T>): T }).from(value);
}

export function closedError(kind: string, transferred = false): KvmError {
  if (transferred) {
    return new KvmError('ERR_KVM_CLOSED', `this ${kind} was transferred`, {
      hint: 'use the object that was made from its handle',
    });
  }
  return new KvmError('ERR_KVM_CLOSED', `this ${kind === 'system' ? 'Kvm' : kind} is closed`);
}
