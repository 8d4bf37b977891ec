import { constants } from 'node:os';
import * as ioctls from '../abi/x86/ioctls.js';
import type { Backend, BackendName } from '../backend/backend.js';
import { ioctlError } from '../errors/ioctl-error.js';
import { KvmError } from '../errors/kvm-error.js';
import { integer } from '../struct/check.js';
import { FlexStruct, type FlexStructType } from '../struct/flex.js';
import { Struct, type StructInit, type StructType } from '../struct/struct.js';
import type { ArgumentOf, FdKind, Ioctl } from './ioctl.js';

type StructIoctl<T extends Struct> = Ioctl<FdKind, { readonly kind: 'struct'; readonly type: StructType<T> }>;

const { E2BIG } = constants.errno;

/** Only what the generator made: a request number from elsewhere could mean a pointer where a number is given. */
const known: ReadonlySet<unknown> = new Set(Object.values(ioctls));

/**
 * A file descriptor of KVM: `/dev/kvm`, a VM, a vCPU or a device, and the calls it takes.
 *
 * Closed once, by `close()` or `using`; every later use throws `ERR_KVM_CLOSED`. A child keeps what its parent holds: the
 * descriptor of a closed VM goes back to the kernel when the last of its vCPUs is closed.
 */
export abstract class KvmFd<K extends FdKind> implements Disposable {
  abstract readonly kind: K;
  protected readonly backend: Backend;
  readonly #fd: number;
  readonly #parent?: KvmFd<FdKind>;
  /** One for itself, and one for each child. */
  #users = 1;
  #closed = false;
  /** The struct an ioctl's argument is put into when it is given as plain fields. */
  readonly #scratch = new Map<StructType, Struct>();

  /** @param owner what it was opened from, or, for the first descriptor, the backend. */
  protected constructor(owner: KvmFd<FdKind> | Backend, fd: number) {
    this.#fd = fd;
    if (owner instanceof KvmFd) {
      this.backend = owner.backend;
      this.#parent = owner;
      owner.#users++;
    } else {
      this.backend = owner;
    }
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
    if (this.#closed) throw closedError(this.kind);
    return this.#fd;
  }

  /** Gives the descriptor back. A second call does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#release();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #release(): void {
    if (--this.#users > 0) return;
    this.onRelease();
    this.backend.close(this.#fd);
    const parent = this.#parent;
    if (parent !== undefined) parent.#release();
  }

  /** What goes with the descriptor, and has to go before it. */
  protected onRelease(): void {}

  /**
   * Any ioctl of this kind of descriptor, with its argument as the kernel takes it: a struct, a number, or one integer in a
   * typed array. The types refuse an ioctl of another kind and an argument of another ioctl.
   *
   * @returns what the system call returns.
   * @throws KvmError `ERR_KVM_SYSCALL` when the kernel refuses, `ERR_KVM_UNSUPPORTED` when it lacks the call,
   *   `ERR_KVM_INVALID_ARGUMENT` when the argument is not the ioctl's, `ERR_KVM_UNSAFE` when it carries an address of this
   *   process: such a call has a method, which keeps the memory behind the address alive.
   */
  ioctl<I extends Ioctl<FdKind>>(
    ioctl: K extends I['fd'][number] ? I : never,
    ...[argument]: ArgumentOf<I> extends undefined ? [] : [argument: ArgumentOf<I>]
  ): number {
    const table = ioctl as Ioctl;
    if (!known.has(table)) {
      throw new KvmError(
        'ERR_KVM_INVALID_ARGUMENT',
        'the first argument must be one of the ioctls of @kvm/core: KVM_…',
      );
    }
    if (!table.fd.includes(this.kind)) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${table.name} is no call of a ${this.kind} descriptor`, {
        ioctl: table.name,
        hint: `it belongs to: ${table.fd.join(', ')}`,
      });
    }
    if (table.pointers !== undefined) {
      throw new KvmError('ERR_KVM_UNSAFE', `${table.name} carries an address of this process`, {
        ioctl: table.name,
        hint: 'use the method that stands for it',
      });
    }
    return this.call(table, this.#encode(table, argument));
  }

  /** The number that stands for an argument at the system call. */
  #encode(ioctl: Ioctl, argument: unknown): number {
    const wrong = (wanted: string): KvmError =>
      new KvmError('ERR_KVM_INVALID_ARGUMENT', `${ioctl.name} takes ${wanted}`, { ioctl: ioctl.name });
    switch (ioctl.argument.kind) {
      case 'none':
        if (argument !== undefined) throw wrong('no argument');
        return 0;
      case 'value':
        return integer(argument as number, 0, Number.MAX_SAFE_INTEGER, `the argument of ${ioctl.name}`);
      case 'integer': {
        const { size } = ioctl.argument;
        const type = size === 8 ? BigUint64Array : Uint32Array;
        if (!(argument instanceof type) || argument.length !== 1) throw wrong(`a ${type.name} of length 1`);
        return this.backend.address(argument);
      }
      case 'struct': {
        const { type } = ioctl.argument;
        if (!(argument instanceof Struct) || argument.constructor !== type) throw wrong(`a struct ${type.cName}`);
        const address = this.addressOf(argument);
        const needed = this.#bytesNeeded(ioctl, argument);
        if (argument.bytes.length < needed) {
          throw new KvmError(
            'ERR_KVM_OUT_OF_RANGE',
            `${ioctl.name} uses ${needed} bytes of struct ${type.cName}, and this one has ${argument.bytes.length}`,
            { ioctl: ioctl.name },
          );
        }
        return address;
      }
    }
  }

  /** How many bytes of a struct the kernel reads or writes: more than the struct has would be somebody else's. */
  #bytesNeeded(ioctl: Ioctl, struct: Struct): number {
    if (ioctl.length !== undefined) {
      return 'capability' in ioctl.length
        ? this.queryExtension(ioctl.length.capability.number)
        : Number((struct as unknown as Record<string, number>)[ioctl.length.member]);
    }
    return struct instanceof FlexStruct ? FlexStruct.bytesCounted(struct) : 0;
  }

  /** The address of a struct's bytes. */
  protected addressOf(struct: Struct): number {
    return Struct.addressOf(struct, this.backend);
  }

  /** One ioctl; what the kernel refuses becomes a `KvmError`. */
  protected call(ioctl: Ioctl, argument = 0): number {
    const result = this.backend.ioctl(this.fd, ioctl.request, argument);
    if (result < 0) throw this.refused(ioctl, -result);
    return result;
  }

  /** The error for what the kernel said to an ioctl. */
  protected refused(ioctl: Ioctl, errno: number): KvmError {
    return ioctlError(ioctl, this.kind, errno, (capability) => this.queryExtension(capability));
  }

  /**
   * What the host says of a capability, from the nearest descriptor that can be asked: the VM, which may know better, else the
   * device. It asks even when that is closed, for the message of an error that comes later.
   */
  protected queryExtension(capability: number): number {
    const { fd, request } = ioctls.KVM_CHECK_EXTENSION;
    const answer = fd.some((kind) => kind === this.kind) ? this.backend.ioctl(this.#fd, request, capability) : -1;
    return answer < 0 && this.#parent !== undefined ? this.#parent.queryExtension(capability) : answer;
  }

  /** The backend, for what is no ioctl. */
  protected opened(): Backend {
    if (this.#closed) throw closedError(this.kind);
    return this.backend;
  }

  /** An ioctl that fills a struct. */
  protected read<T extends Struct>(ioctl: StructIoctl<T>, into: T = new ioctl.argument.type()): T {
    this.call(ioctl, this.#encode(ioctl, into));
    return into;
  }

  /** An ioctl that takes a struct, given as one or as its fields. */
  protected write<T extends Struct>(ioctl: StructIoctl<T>, value: T | StructInit<T>): number {
    return this.call(ioctl, this.#encode(ioctl, this.#structOf(ioctl.argument.type, value)));
  }

  #structOf<T extends Struct>(type: StructType<T>, value: T | StructInit<T>): T {
    if (value instanceof Struct) return value as T;
    if ('elementsOffset' in type) return (type as unknown as { from(init: StructInit<T>): T }).from(value);
    let scratch = this.#scratch.get(type) as T | undefined;
    if (scratch === undefined) {
      scratch = new type();
      this.#scratch.set(type, scratch);
    }
    scratch.bytes.fill(0);
    scratch.assign(value);
    return scratch;
  }

  /** An ioctl that fills a list of unknown length: the room grows until the kernel no longer says E2BIG. */
  protected readList<T extends FlexStruct>(ioctl: StructIoctl<T>): T {
    const type = ioctl.argument.type as unknown as FlexStructType<T>;
    for (let room = 64; ; room *= 2) {
      const list = FlexStruct.withCapacity.call(type as never, room) as T;
      const result = this.backend.ioctl(this.fd, ioctl.request, this.addressOf(list));
      if (result >= 0) return list;
      if (result !== -E2BIG) throw this.refused(ioctl, -result);
    }
  }
}

export function closedError(kind: string): KvmError {
  return new KvmError('ERR_KVM_CLOSED', `this ${kind === 'system' ? 'Kvm' : kind} is closed`);
}
