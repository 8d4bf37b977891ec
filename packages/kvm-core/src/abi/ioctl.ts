import type { Struct, StructType } from '../struct/struct.js';

/** The kinds of file descriptor KVM has, by the object here that stands for each. */
export type FdKind = 'system' | 'vm' | 'vcpu' | 'device';

/**
 * How an ioctl's argument travels: not at all, as a plain number, or as a pointer to an integer or a struct.
 * `size` is that of the integer, in bytes.
 */
export type IoctlArgument =
  | { readonly kind: 'none' }
  | { readonly kind: 'value' }
  | { readonly kind: 'integer'; readonly size: 4 | 8 }
  | { readonly kind: 'struct'; readonly type: StructType };

/** A capability as the table names it. */
export interface Capability {
  readonly number: number;
  readonly name: string;
  /** The kernel that brought it, where that is known: "Linux 6.12 or earlier". */
  readonly since?: string;
}

/** One line of the generated table: all that is known of an ioctl. */
export interface Ioctl<K extends FdKind = FdKind, A extends IoctlArgument = IoctlArgument> {
  /** The kernel's name: "KVM_GET_REGS". */
  readonly name: string;
  /** The request number. */
  readonly request: number;
  /** The kinds of file descriptor that take it. */
  readonly fd: readonly K[];
  readonly argument: A;
  /** What the kernel does with the argument, seen from here: `read` fills it, `write` takes it. */
  readonly direction: 'none' | 'read' | 'write' | 'readwrite';
  /** The number and name of the capability that says whether the host has it. */
  readonly capability?: Capability;
  /** The capability on a kind of descriptor that has one of its own. */
  readonly capabilityOn?: Readonly<Partial<Record<FdKind, Capability>>>;
  /**
   * How many bytes of the argument the kernel uses, where neither the struct's size nor its count of elements says so: what a
   * capability answers, or what a field of the struct says.
   */
  readonly length?: { readonly capability: Capability } | { readonly member: string };
  /** Members of the argument that hold addresses of this process. */
  readonly pointers?: readonly string[];
  /** The architectures that have the call; all, when absent. */
  readonly arch?: readonly string[];
  /** What a success makes that somebody has to give back: a file descriptor, as the result or in the argument. */
  readonly gives?: 'fd';
}

/** An ioctl of other architectures, whose request number these headers cannot tell. */
export interface ForeignIoctl extends Pick<Ioctl, 'name' | 'fd' | 'direction'> {
  /** Its number among KVM's ioctls. */
  readonly nr: number;
  /** The C type of the argument. */
  readonly argument: string;
  /** The architectures that have it. */
  readonly arch: readonly string[];
}

/** What `fd.ioctl(KVM_X, argument)` takes as `argument`. */
export type ArgumentOf<I extends Ioctl> = I['argument'] extends {
  kind: 'struct';
  type: StructType<infer T extends Struct>;
}
  ? T
  : I['argument'] extends { kind: 'value' }
    ? number
    : I['argument'] extends { kind: 'integer'; size: 8 }
      ? BigUint64Array
      : I['argument'] extends { kind: 'integer' }
        ? Uint32Array
        : undefined;
