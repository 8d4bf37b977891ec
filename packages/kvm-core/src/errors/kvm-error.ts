import { constants } from 'node:os';

/** Every value of `KvmError.code`. The codes are stable: a program may switch on them. */
export type KvmErrorCode =
  /** The kernel refused a call: `ioctl` is the call, `errno` the reason. */
  | 'ERR_KVM_SYSCALL'
  /** The host has no KVM: `/dev/kvm` or the module behind it is missing. */
  | 'ERR_KVM_UNAVAILABLE'
  /** `/dev/kvm` exists, but this process may not open it. */
  | 'ERR_KVM_PERMISSION'
  /** The kernel's API version is not 12, the version of every kernel since 2.6.22. */
  | 'ERR_KVM_API_VERSION'
  /** This host lacks a feature that the call needs; the message names the capability. */
  | 'ERR_KVM_UNSUPPORTED'
  /** The object was closed. */
  | 'ERR_KVM_CLOSED'
  /** An argument of the wrong kind or shape. */
  | 'ERR_KVM_INVALID_ARGUMENT'
  /** A value that does not fit its field, or is outside the allowed range. */
  | 'ERR_KVM_OUT_OF_RANGE'
  /** A raw ioctl that carries an address of this process: only a method can pass it safely. */
  | 'ERR_KVM_UNSAFE'
  /** A saved state that is damaged, or does not match the object to restore. */
  | 'ERR_KVM_STATE'
  /** A requested backend cannot be loaded. */
  | 'ERR_KVM_BACKEND'
  /**
   * An error of `vm.start`: a vCPU left the guest for a reason without a handler, a handler returned a value or ended
   * its vCPU twice, or a Worker could not be started or ended by itself.
   */
  | 'ERR_KVM_HANDLER';

export interface KvmErrorDetails {
  errno?: number;
  ioctl?: string;
  hint?: string | undefined;
  cause?: unknown;
}

/** A `KvmError` as plain data, for a log or another thread: the result of `toJSON`. */
export interface KvmErrorJson {
  readonly name: 'KvmError';
  readonly code: KvmErrorCode;
  /** Includes the hint. */
  readonly message: string;
  readonly errno?: number | undefined;
  readonly ioctl?: string | undefined;
  readonly hint?: string | undefined;
}

const brand = Symbol.for('@kvm/core.KvmError');

/**
 * The only error that this package throws.
 *
 * `code` is for programs, `message` for people. `errno` is the kernel's number (positive), `ioctl` the call that it
 * refused, and `hint`, if present, suggests a remedy. `instanceof KvmError` works across two copies of the package.
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

  /** The error as plain data, without stack and cause. `KvmError.from` turns it back into an error. */
  toJSON(): KvmErrorJson {
    const { code, message, errno, ioctl, hint } = this;
    return { name: 'KvmError', code, message, errno, ioctl, hint };
  }

  /** Recreates an error from the result of `toJSON`, for example in another thread. */
  static from({ code, message, errno, ioctl, hint }: KvmErrorJson): KvmError {
    // The message already includes the hint.
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
  // EAGAIN and EWOULDBLOCK, ENOTSUP and EOPNOTSUPP share a number; the kernel uses EAGAIN and EOPNOTSUPP.
  if (!names.has(number)) names.set(number, name);
}
names.set(constants.errno.EOPNOTSUPP, 'EOPNOTSUPP');

/** "EINVAL" for 22; "errno 4095" for a number without a name on this host. */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `errno ${errno}`;
}
