import { constants } from 'node:os';
import type { ArgumentOf, Capability, FdKind, Ioctl } from '../abi/ioctl.js';
import type { Abi } from '../arch/architecture.js';
import { bothNames, nameOfCap } from '../arch/names.js';
import type { Backend, BackendName } from '../backend/backend.js';
import { KvmError } from '../errors/kvm-error.js';
import { u32 } from '../struct/check.js';
import { FlexStruct, type FlexStructType } from '../struct/flex.js';
import { className, custom, type ShowOptions, show } from '../struct/inspect.js';
import { copyOf, Struct, type StructInit, type StructType } from '../struct/struct.js';
import { integerFor, lengthMember, lengthTold, longEnough, numberFor, structFor } from './argument.js';
import { originOf } from './capability-origin.js';
import { closeOnExec, type Descriptor, type Held, unreachable } from './descriptor.js';
import { ownerOf } from './hints.js';
import { ioctlError } from './ioctl-error.js';
import { retried } from './retry.js';

/** What belongs to an object of `KvmFd`. */
type Kept = object & { release?(): void };

type StructIoctl<T extends Struct> = Ioctl<FdKind, { readonly kind: 'struct'; readonly type: StructType<T> }>;

const { E2BIG, EINTR } = constants.errno;

/** Elements: what KVM has of CPUID leaves at the most. One call more costs more than the bytes do: CPUID takes the kernel 300 us. */
const listRoom = 256;

/**
 * A file descriptor of KVM: `/dev/kvm`, a VM, a vCPU or a device, and the calls it takes.
 *
 * Closed once, by `close()` or `using`; every later use throws `ERR_KVM_CLOSED`. A child keeps what its parent holds: the
 * descriptor of a closed VM goes back to the kernel when the last of its vCPUs is closed.
 */
export abstract class KvmFd<K extends FdKind> implements Disposable {
  abstract readonly kind: K;
  readonly #descriptor: Descriptor;
  #closed = false;
  #transferred = false;
  /** The struct an ioctl's argument is put into when it is given as plain fields. */
  readonly #scratch = new Map<StructType, Struct>();
  /** What belongs to the object and ends with it, by name. */
  #kept: Map<string, Kept> | undefined;
  /** What the call that is being made has addresses of. */
  protected argumentInUse: unknown;

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
   * Any ioctl of this kind of descriptor, with its argument as the kernel takes it: a struct, a number, or one integer in a
   * typed array. The types refuse an ioctl of another kind and an argument of another ioctl.
   *
   * @returns what the system call returns.
   * @throws KvmError `ERR_KVM_SYSCALL` when the kernel refuses, `ERR_KVM_UNSUPPORTED` when it lacks the call,
   *   `ERR_KVM_INVALID_ARGUMENT` when the argument is not the ioctl's, `ERR_KVM_UNSAFE` when it carries an address of this
   *   process, or makes a descriptor: such a call has a method, which keeps the memory behind the address alive, or closes
   *   the descriptor. (A few of powerpc make one and have no method: there the number returned is the caller's to close.)
   */
  ioctl<I extends Ioctl<FdKind>>(
    ioctl: K extends I['fd'][number] ? I : never,
    ...[argument]: ArgumentOf<I> extends undefined ? [] : [argument: ArgumentOf<I>]
  ): number {
    const table = ioctl as Ioctl;
    // A request number from elsewhere could mean a pointer where a number is given.
    if (!this.#descriptor.arch.ioctls.has(table)) {
      throw new KvmError(
        'ERR_KVM_INVALID_ARGUMENT',
        `the first argument must be one of the ioctls that @kvm/core has for ${this.#descriptor.arch.name}: KVM_…`,
      );
    }
    if (!table.fd.includes(this.kind)) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${table.name} is no call of a ${this.kind} descriptor`, {
        ioctl: table.name,
        hint: `it belongs to: ${table.fd.join(', ')}`,
      });
    }
    const { name } = this.#descriptor.arch;
    if (table.arch?.includes(name) === false) {
      throw new KvmError('ERR_KVM_UNSUPPORTED', `${table.name} is no call of ${name}`, {
        ioctl: table.name,
        hint: `it belongs to: ${table.arch.join(', ')}`,
      });
    }
    if (table.pointers !== undefined) {
      throw new KvmError('ERR_KVM_UNSAFE', `${table.name} carries an address of this process`, {
        ioctl: table.name,
        hint: 'only a method can keep the memory behind it alive',
      });
    }
    const owner = table.gives === 'fd' ? ownerOf(table.name) : undefined;
    if (owner !== undefined) {
      throw new KvmError('ERR_KVM_UNSAFE', `${table.name} by itself makes a descriptor that nobody closes`, {
        ioctl: table.name,
        hint: `use ${owner}`,
      });
    }
    if (table === this.abi.KVM_RUN) {
      throw new KvmError('ERR_KVM_UNSAFE', 'KVM_RUN by itself cannot be stopped', {
        ioctl: table.name,
        hint: 'use run()',
      });
    }
    if (table === this.abi.KVM_SET_SIGNAL_MASK) {
      throw new KvmError('ERR_KVM_UNSAFE', 'a mask of any signals could keep kicks away', {
        ioctl: table.name,
        hint: 'use setSignalMask()',
      });
    }
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

  #makeWith(ioctl: Ioctl, struct: Struct): number {
    const member = lengthMember(ioctl);
    if (member === undefined) {
      const { length } = ioctl;
      if (length !== undefined && 'capability' in length) {
        longEnough(ioctl, struct, this.hostCapability(length.capability.number));
      }
      return this.call(ioctl, this.addressOf(struct));
    }
    // The bytes may be another thread's, too, or the guest's: what is checked has to be what the kernel sees.
    const own = copyOf(struct);
    longEnough(ioctl, own, lengthTold(ioctl, own, member));
    try {
      return this.call(ioctl, this.addressOf(own));
    } finally {
      if (ioctl.direction !== 'write') Struct.bytesOf(struct).set(own.bytes);
    }
  }

  /**
   * The address of a struct's bytes. They stay until the next call even if nobody else refers to them, and so does what lies
   * behind the addresses in the struct.
   */
  protected addressOf(struct: Struct, behind?: readonly object[]): number {
    this.argumentInUse = behind === undefined ? struct : [struct, behind];
    return Struct.addressOf(struct, this.backend);
  }

  /**
   * Keeps memory whose address the kernel has, for as long as the descriptor and those made from it live; what was kept under
   * the same name goes.
   */
  protected hold(name: string, held: Held | undefined): void {
    const { held: all } = this.#descriptor;
    all.get(name)?.release?.();
    if (held === undefined) all.delete(name);
    else all.set(name, held);
  }

  /** One ioctl; what the kernel refuses becomes a `KvmError`. */
  protected call(ioctl: Ioctl, argument = 0): number {
    const result = this.#try(ioctl, argument);
    if (result < 0) throw this.refused(ioctl, -result);
    return result;
  }

  /** One ioctl that returns a descriptor, which no child process inherits. */
  protected callForFd(ioctl: Ioctl, argument = 0): number {
    const fd = this.call(ioctl, argument);
    closeOnExec(this.#descriptor, fd);
    return fd;
  }

  /** What this descriptor, a VM's or the device's, says of a capability. */
  protected ownCapability(cap: number): number {
    const { backend, arch } = this.#descriptor;
    const answer = backend.ioctl(this.fd, arch.checkExtension, u32(cap, 'a capability'));
    return answer >= 0 ? answer : this.call(this.abi.KVM_CHECK_EXTENSION, cap);
  }

  /** One ioctl, made again when a signal cuts it short. */
  #try({ request }: Ioctl, argument: number, fd = this.fd): number {
    const { backend } = this;
    const result = backend.ioctl(fd, request, argument);
    return result === -EINTR ? retried(() => backend.ioctl(fd, request, argument)) : result;
  }

  /** The error for what the kernel said to an ioctl. */
  protected refused(ioctl: Ioctl, errno: number): KvmError {
    return ioctlError(ioctl, this.kind, errno, (capability) => this.hostCapability(capability), this.#descriptor.arch);
  }

  /**
   * What the host says of a capability, from the nearest descriptor that can be asked: the VM, which may know better, else the
   * device; -1 when neither can. It asks even when their objects are closed, for the message of an error that comes later.
   */
  protected hostCapability(capability: number): number {
    const { backend } = this;
    const request = this.#descriptor.arch.checkExtension;
    // A vCPU's own descriptor does not answer.
    const first = this.kind === 'vcpu' ? this.#descriptor.parent : this.#descriptor;
    for (let at: Descriptor | undefined = first; at !== undefined; at = at.parent) {
      const answer = at.released ? -1 : backend.ioctl(at.fd, request, capability);
      if (answer >= 0) return answer;
    }
    return -1;
  }

  /** The same, asked once: for limits of a VM, which change only when a capability is enabled. */
  protected cachedCapability(capability: number): number {
    const { limits } = this.#descriptor;
    const known = limits.get(capability);
    if (known !== undefined) return known;
    const answer = this.hostCapability(capability);
    limits.set(capability, answer);
    return answer;
  }

  /** Refuses what the host lacks a capability for, where no call's refusal would say so. */
  protected requireCapability(cap: number, what: string): void {
    this.opened();
    if (this.hostCapability(cap) > 0) return;
    const capability = capabilityOf(this.abi, cap);
    throw new KvmError('ERR_KVM_UNSUPPORTED', `${what}: this host's KVM lacks ${bothNames(this.abi, capability)}`, {
      hint: originOf(this.archName, capability),
    });
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
    return this.#make(ioctl, this.#structOf(ioctl.argument.type, value));
  }

  #structOf<T extends Struct>(type: StructType<T>, value: T | StructInit<T>): T {
    if (value instanceof Struct) return value as T;
    if ('elementsOffset' in type) return (type as unknown as { from(init: StructInit<T>): T }).from(value);
    let scratch = this.#scratch.get(type) as T | undefined;
    if (scratch === undefined) {
      scratch = new type();
      this.#scratch.set(type, scratch);
    }
    Struct.refill(scratch, value);
    return scratch;
  }

  /** KVM_ENABLE_CAP, without the capabilities among whose arguments is an address of this process. */
  protected enableCapability(cap: number, args: readonly bigint[], flags: number): void {
    const { Cap } = this.abi;
    // The Hyper-V evmcs version goes to an address in the first argument; the shared TLB is at one.
    const withAddresses: readonly number[] = [Cap.HyperVEnlightenedVmcs, Cap.SwTlb];
    if (withAddresses.includes(u32(cap, 'a capability'))) {
      throw new KvmError('ERR_KVM_UNSAFE', 'this capability takes an address of this process', {
        ioctl: 'KVM_ENABLE_CAP',
      });
    }
    this.enableWithAddress(cap, args, flags);
  }

  /** KVM_ENABLE_CAP; whoever passes an address sees to the memory behind it. A refusal names the capability if the host lacks it. */
  protected enableWithAddress(cap: number, args: readonly bigint[], flags: number): void {
    const { KVM_ENABLE_CAP, KvmEnableCap } = this.abi;
    const result = this.#try(KVM_ENABLE_CAP, this.addressOf(KvmEnableCap.from({ cap, args, flags })));
    this.#descriptor.limits.clear();
    if (result >= 0) return;
    const lacks = this.hostCapability(cap) <= 0;
    throw this.refused(
      lacks ? { ...KVM_ENABLE_CAP, capability: capabilityOf(this.abi, cap), capabilityOn: {} } : KVM_ENABLE_CAP,
      -result,
    );
  }

  /** An ioctl that fills a list of unknown length: the room grows until the kernel no longer says E2BIG. */
  protected readList<T extends FlexStruct>(ioctl: StructIoctl<T>): T {
    return this.#readListOf(this.fd, ioctl);
  }

  /**
   * A list that /dev/kvm gives, asked for once: it is the same each time. Its descriptor lives for as long as one that was made from it.
   * Nobody may change the list.
   */
  protected readSystemList<T extends FlexStruct>(ioctl: StructIoctl<T>): T {
    this.opened();
    const system = this.#system();
    return this.onceForSystem(ioctl.name, () => this.#readListOf(system.fd, ioctl));
  }

  /** What `ask` gives the first time that it is asked by something made from this /dev/kvm. */
  protected onceForSystem<T>(name: string, ask: () => T): T {
    const { answers } = this.#system();
    if (!answers.has(name)) answers.set(name, ask());
    return answers.get(name) as T;
  }

  #system(): Descriptor {
    let system = this.#descriptor;
    while (system.parent !== undefined) system = system.parent;
    return system;
  }

  #readListOf<T extends FlexStruct>(fd: number, ioctl: StructIoctl<T>): T {
    const type = ioctl.argument.type as unknown as FlexStructType<T>;
    for (let room = listRoom; ; room *= 2) {
      const list = FlexStruct.withCapacity.call(type as never, room) as T;
      const result = this.#try(ioctl, this.addressOf(list), fd);
      if (result >= 0) return list;
      if (result !== -E2BIG) throw this.refused(ioctl, -result);
    }
  }
}

function capabilityOf({ capNames, capSince }: Abi, cap: number): Capability {
  const since = capSince[cap];
  return { number: cap, name: nameOfCap(capNames, cap), ...(since !== undefined && { since }) };
}

export function closedError(kind: string, transferred = false): KvmError {
  if (transferred) {
    return new KvmError('ERR_KVM_CLOSED', `this ${kind} was transferred`, {
      hint: 'use the one that the handle gives',
    });
  }
  return new KvmError('ERR_KVM_CLOSED', `this ${kind === 'system' ? 'Kvm' : kind} is closed`);
}
