import { constants } from 'node:os';

/** Every value `KvmError.code` can have. They are stable: a program may switch on them. */
export type KvmErrorCode =
  /** The kernel refused a call; `errno` and `ioctl` say which and how. */
  | 'ERR_KVM_SYSCALL'
  /** The host has no KVM: no `/dev/kvm`, or no module behind it. */
  | 'ERR_KVM_UNAVAILABLE'
  /** `/dev/kvm` is there, and this process may not open it. */
  | 'ERR_KVM_PERMISSION'
  /** The kernel speaks another version of the API than 12, which every kernel since 2.6.22 speaks. */
  | 'ERR_KVM_API_VERSION'
  /** This host lacks what the call needs; the message names the capability. */
  | 'ERR_KVM_UNSUPPORTED'
  /** The object was closed. */
  | 'ERR_KVM_CLOSED'
  /** An argument of the wrong kind or shape. */
  | 'ERR_KVM_INVALID_ARGUMENT'
  /** A value that does not fit where it should go. */
  | 'ERR_KVM_OUT_OF_RANGE'
  /** A raw ioctl that carries an address of this process, which only a method can pass safely. */
  | 'ERR_KVM_UNSAFE'
  /** A saved state that is damaged, or does not fit where it should be restored. */
  | 'ERR_KVM_STATE'
  /** A backend that was asked for cannot be loaded. */
  | 'ERR_KVM_BACKEND'
  /**
   * Of `vm.start`: a vCPU left the guest for a reason that no handler handles, a handler returned a value or ended its vCPU twice, or a
   * Worker could not be started or ended by itself.
   */
  | 'ERR_KVM_HANDLER';

export interface KvmErrorDetails {
  errno?: number;
  ioctl?: string;
  hint?: string | undefined;
  cause?: unknown;
}

/** A `KvmError` as plain data, for a log or another thread: what `toJSON` gives. */
export interface KvmErrorJson {
  readonly name: 'KvmError';
  readonly code: KvmErrorCode;
  /** With the hint in it. */
  readonly message: string;
  readonly errno?: number | undefined;
  readonly ioctl?: string | undefined;
  readonly hint?: string | undefined;
}

const brand = Symbol.for('@kvm/core.KvmError');

/**
 * The one error this package throws.
 *
 * `code` is for programs, `message` for people; `errno` is the kernel's number (positive), `ioctl` the call it refused, and
 * `hint`, where there is one, what to do about it. `instanceof KvmError` holds across two copies of the package.
 */
export class KvmError extends Error {
  readonly code: KvmErrorCode;
  readonly errno: number | undefined;
  readonly ioctl: string | undefined;
  readonly hint: string | undefined;

  constructor(code: KvmErrorCode, message: string, details: KvmErrorDetails = {}) {
    const { errno, ioctl, hint, cause } = details;
    super(hint === undefined ? message : `${message} (${hint})`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.errno = errno;
    this.ioctl = ioctl;
    this.hint = hint;
  }

  /** The error as plain data; `KvmError.from` makes an error of it again. Neither its stack nor its cause is in it. */
  toJSON(): KvmErrorJson {
    const { code, message, errno, ioctl, hint } = this;
    return { name: 'KvmError', code, message, errno, ioctl, hint };
  }

  /** The error that `toJSON` gave, in another thread. */
  static from({ code, message, errno, ioctl, hint }: KvmErrorJson): KvmError {
    // The message has the hint already.
    return Object.assign(new KvmError(code, message), { errno, ioctl, hint });
  }

  /** The name of `errno`: "EINVAL". */
  get errnoName(): string | undefined {
    return this.errno === undefined ? undefined : errnoName(this.errno);
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && brand in value;
  }
}

// On the prototype, so that no instance carries it and a subclass may still override it.
Object.defineProperties(KvmError.prototype, {
  name: { value: 'KvmError', configurable: true, writable: true },
  [brand]: { value: true },
});

const names = new Map<number, string>();
for (const [name, number] of Object.entries(constants.errno)) {
  // EAGAIN and EWOULDBLOCK, ENOTSUP and EOPNOTSUPP share a number; the kernel says the first of each.
  if (!names.has(number)) names.set(number, name);
}
names.set(constants.errno.EOPNOTSUPP, 'EOPNOTSUPP');

/** "EINVAL" for 22; "errno 4095" for a number the host has no name for. */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `errno ${errno}`;
}
