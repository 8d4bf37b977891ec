/** What no header says about an ioctl. The kernel's API document and its code do. */

export type FdKind = 'system' | 'vm' | 'vcpu' | 'device';

export interface IoctlFacts {
  /** The kinds of file descriptor that accept it. */
  fd: readonly FdKind[];
  /**
   * How the argument is passed, where the header's macro does not tell: an `_IO` ioctl takes a plain number (`value`)
   * or nothing (`none`). An `_IOR`, `_IOW` or `_IOWR` ioctl takes a pointer, unless this says `value`.
   */
  argument?: 'none' | 'value';
  /**
   * The struct that the `value` is the address of, for the few ioctls whose macro hides it: REINJECT_CONTROL is an
   * `_IO`, MEMORY_ENCRYPT_OP says `unsigned long`. The kernel reads, and may write, the whole struct.
   */
  record?: string;
  /** The direction of the data, where the header's is wrong: SET_IRQCHIP, an `_IOR`, reads its argument. */
  direction?: 'write' | 'read' | 'readwrite';
  /** The capability to check before the call, if there is one. */
  capability?: string;
  /** A capability that counts on one kind of file descriptor only; the others keep `capability`. */
  capabilityOn?: Readonly<Partial<Record<FdKind, string>>>;
  /**
   * The number of bytes that the kernel reads or writes, where neither the request nor a count of elements says it: the
   * value of a capability on the VM, or a member of the argument.
   */
  length?: { capability: string } | { member: string };
  /** The architectures that have it, by the kernel's folder names. Absent: all. */
  arch?: readonly string[];
  /** Members of the argument that hold an address of this process, which the kernel reads or writes: dotted paths. */
  pointers?: readonly string[];
  /** What a successful call returns and somebody must close: a file descriptor, as the result or in the argument. */
  gives?: 'fd';
}

/** The member of a record that counts the elements of its flexible array. */
export type FlexCounts = Readonly<Record<string, string>>;
