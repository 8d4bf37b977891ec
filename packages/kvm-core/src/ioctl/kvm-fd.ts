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

/** What belongs to an object of `KvmFd`. */
type Kept = object & { release?(): void };

/** A struct that an ioctl's argument is put into when it is given as plain fields; nobody else has it. */
interface Scratch {
  readonly struct: Struct;
  readonly address: number;
}

/**
 * A file descriptor of KVM: `/dev/kvm`, a VM, a vCPU or a device, and the calls it takes.
 *
 * Closed once, by `close()` or `using`; every later use throws `ERR_KVM_CLOSED`. A child keeps what its parent holds:
 * the descriptor of a closed VM goes back to the kernel when the last of its vCPUs is closed.
 */
export abstract class KvmFd<K extends FdKind> implements Disposable {
  abstract readonly kind: K;
  readonly #descriptor: Descriptor;
  #closed = false;
  #transferred = false;
  /** By ioctl, where the fields of its argument are put. */
  readonly #scratch = new Map<Ioctl, Scratch>();
  /** What belongs to the object and ends with it, by name. */
  #kept: Map<string, Kept> | undefined;

  /** @internal */
  constructor(descriptor: Descriptor) {
    this.#descriptor = descriptor;
    unreachable.register(this, descriptor, descriptor);
  }

  /** The descriptor behind the object, for its children. */
  protected static descriptorOf(object: KvmFd<FdKind>): Descriptor {
    return object.#descriptor;
  }

  protected get backend(): Backend {
    return this.#descriptor.backend;
  }

  /** The kernel's name of the architecture at work: "x86". */
  protected get archName(): string {
    return this.#descriptor.arch.name;
  }

  /** The ABI of the architecture at work. */
  protected get abi(): Abi {
    return this.#descriptor.arch.abi;
  }

  /** Which backend is at work here. */
  get backendName(): BackendName {
    return this.backend.name;
  }

  /** Whether `close` has been called. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * The file descriptor, for what Node can do with one: look at it, or hand it on. It belongs to this object.
   *
   * @throws KvmError `ERR_KVM_CLOSED`.
   */
  get fd(): number {
    if (this.#closed) throw this.#gone();
    return this.#descriptor.fd;
  }

  /** Gives the descriptor back. A second call does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#endKept();
    unreachable.unregister(this.#descriptor);
    this.#descriptor.release();
  }

  /** Ends the use of this object, whose descriptor is another thread's from now on. */
  protected giveAway(): void {
    this.#closed = true;
    this.#transferred = true;
    this.#endKept();
    unreachable.unregister(this.#descriptor);
  }

  /** What a group of calls remembers for this object: made when first asked for, released with the object. */
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

  /** For calls that leave an address with the kernel: this thread may end before those that share the VM do. */
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

  /** @internal What is printed beside the descriptor. */
  protected shown(): object {
    return {};
  }

  /**
   * Any ioctl of this kind of descriptor, with its argument as the kernel takes it: a struct, a number, or one integer
   * in a typed array. The types refuse an ioctl of another kind and an argument of another ioctl.
   *
   * @returns what the system call returns.
   * @throws KvmError `ERR_KVM_SYSCALL` when the kernel refuses, `ERR_KVM_UNSUPPORTED` when it lacks the call,
   *   `ERR_KVM_INVALID_ARGUMENT` when the argument is not the ioctl's, `ERR_KVM_UNSAFE` when it carries an address of
   *   this process, or makes a descriptor: such a call has a method, which keeps the memory behind the address alive,
   *   or closes the descriptor. (A few of powerpc make one and have no method: there the number returned is the
   *   caller's to close.)
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

  /** One ioctl with its argument, which is checked. */
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

  /** One ioctl with a struct that somebody else may have too. */
  #makeWith(ioctl: Ioctl, struct: Struct): number {
    if (!tellsLength(ioctl)) return this.#makeWithOwn(ioctl, struct);
    // The bytes may be another thread's, or the guest's: what is checked has to be what the kernel sees.
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

  /** The address of a struct's bytes for the next call, as `Descriptor.addressOf` gives it. */
  protected addressOf(struct: Struct, behind?: readonly object[]): number {
    return this.#descriptor.addressOf(struct, behind);
  }

  /**
   * Keeps memory whose address the kernel has, for as long as the descriptor and those made from it live; what was kept
   * under the same name goes.
   */
  protected hold(name: string, held: Held | undefined): void {
    const { held: all } = this.#descriptor;
    all.get(name)?.release?.();
    if (held === undefined) all.delete(name);
    else all.set(name, held);
  }

  /** One ioctl; what the kernel refuses becomes a `KvmError`. */
  protected call(ioctl: Ioctl, argument = 0): number {
    if (this.#closed) throw this.#gone();
    const result = this.#descriptor.ioctl(ioctl.request, argument);
    if (result < 0) throw this.refused(ioctl, -result);
    return result;
  }

  /** One ioctl that returns a descriptor, which no child process inherits. */
  protected callForFd(ioctl: Ioctl, argument = 0): number {
    const fd = this.call(ioctl, argument);
    closeOnExec(this.#descriptor, fd);
    return fd;
  }

  /** The error for what the kernel said to an ioctl. */
  protected refused(ioctl: Ioctl, errno: number): KvmError {
    return refusal(this.#descriptor, this.kind, ioctl, errno);
  }

  /** What this descriptor, a VM's or the device's, says of a capability. */
  protected ownCapability(cap: number): number {
    const { backend, arch } = this.#descriptor;
    const answer = backend.ioctl(this.fd, arch.checkExtension, u32(cap, 'a capability'));
    return answer >= 0 ? answer : this.call(this.abi.KVM_CHECK_EXTENSION, cap);
  }

  /** What the host says of a capability; -1 when nobody can be asked. */
  protected hostCapability(capability: number): number {
    return hostCapability(this.#descriptor, this.kind, capability);
  }

  /** The same, asked once: for limits of a VM, which change only when a capability is enabled. */
  protected cachedCapability(capability: number): number {
    return cachedCapability(this.#descriptor, this.kind, capability);
  }

  /** Refuses what the host lacks a capability for, where no call's refusal would say so. */
  protected requireCapability(cap: number, what: string): void {
    this.opened();
    if (this.hostCapability(cap) <= 0) throw lacking(this.#descriptor, cap, what);
  }

  /** The backend, for what is no ioctl. */
  protected opened(): Backend {
    if (this.#closed) throw this.#gone();
    return this.backend;
  }

  /** An ioctl that fills a struct. */
  protected read<T extends Struct>(ioctl: StructIoctl<T>, into: T = new ioctl.argument.type()): T {
    this.#make(ioctl, into);
    return into;
  }

  /** An ioctl that takes a struct, given as one or as its fields. */
  protected write<T extends Struct>(ioctl: StructIoctl<T>, value: T | StructInit<T>): number {
    if (value instanceof Struct) return this.#makeWith(ioctl, structFor(ioctl, value));
    const scratch = this.#scratch.get(ioctl) ?? this.#makeScratch(ioctl);
    if (scratch === undefined) return this.#makeWithOwn(ioctl, structOf(ioctl.argument.type, value));
    scratch.struct.bytes.fill(0);
    withFields(scratch.struct as T, value);
    return this.call(ioctl, scratch.address);
  }

  /** None where each call takes another length. */
  #makeScratch(ioctl: StructIoctl<Struct>): Scratch | undefined {
    const { type } = ioctl.argument;
    if (ioctl.length !== undefined || 'elementsOffset' in type) return undefined;
    const struct = new type();
    const scratch = { struct, address: Struct.addressOf(struct, this.backend) };
    this.#scratch.set(ioctl, scratch);
    return scratch;
  }

  /** KVM_ENABLE_CAP, without the capabilities among whose arguments is an address of this process. */
  protected enableCapability(cap: number, args: readonly bigint[], flags: number): void {
    refuseAddresses(this.abi, u32(cap, 'a capability'));
    this.enableWithAddress(cap, args, flags);
  }

  /** KVM_ENABLE_CAP; whoever passes an address sees to the memory behind it. */
  protected enableWithAddress(cap: number, args: readonly bigint[], flags: number): void {
    this.opened();
    enableCapability(this.#descriptor, this.kind, cap, args, flags);
  }

  /** An ioctl that fills a list of unknown length. */
  protected readList<T extends FlexStruct>(ioctl: StructIoctl<T>): T {
    this.opened();
    return readGrowingList(this.#descriptor, this.kind, ioctl);
  }

  /**
   * A list that /dev/kvm gives, asked for once: it is the same each time. Its descriptor lives for as long as one that
   * was made from it. Nobody may change the list.
   */
  protected readSystemList<T extends FlexStruct>(ioctl: StructIoctl<T>): T {
    this.opened();
    return this.onceForSystem(ioctl.name, () => readGrowingList(this.#descriptor.system, 'system', ioctl));
  }

  /** What `ask` gives the first time that it is asked by something made from this /dev/kvm. */
  protected onceForSystem<T>(name: string, ask: () => T): T {
    const { answers } = this.#descriptor.system;
    if (!answers.has(name)) answers.set(name, ask());
    return answers.get(name) as T;
  }
}

/** `type.from(value)`, which of a class that is not known has no type. */
function structOf<T extends Struct>(type: StructType<T>, value: StructInit<T>): T {
  return (type as unknown as { from(init: StructInit<T>): T }).from(value);
}

export function closedError(kind: string, transferred = false): KvmError {
  if (transferred) {
    return new KvmError('ERR_KVM_CLOSED', `this ${kind} was transferred`, {
      hint: 'use the one that the handle gives',
    });
  }
  return new KvmError('ERR_KVM_CLOSED', `this ${kind === 'system' ? 'Kvm' : kind} is closed`);
}
