/** What no header says about an ioctl; the kernel's API document does, and this is its shape here. */

export type FdKind = 'system' | 'vm' | 'vcpu' | 'device';

export interface IoctlFacts {
  /** The kinds of file descriptor that take it. */
  fd: readonly FdKind[];
  /**
   * How the argument travels where the header's macro does not tell: an `_IO` ioctl takes a plain number (`value`) or
   * nothing (`none`). An `_IOR`/`_IOW`/`_IOWR` one always takes a pointer, unless it says `value` here.
   */
  argument?: 'none' | 'value';
  /**
   * The struct whose address the `value` is, for the few ioctls whose macro hides it: REINJECT_CONTROL is an `_IO`,
   * MEMORY_ENCRYPT_OP says `unsigned long`. The kernel reads, and may write, the whole struct.
   */
  record?: string;
  /** Where the header's direction is not what the kernel does: SET_IRQCHIP, an `_IOR`, reads its argument. */
  direction?: 'write' | 'read' | 'readwrite';
  /** The capability to ask for before the call, when there is one. */
  capability?: string;
  /** The capability on a kind of file descriptor that has one of its own; the others keep `capability`. */
  capabilityOn?: Readonly<Partial<Record<FdKind, string>>>;
  /**
   * How many bytes the kernel reads or writes where neither the size in the request nor a count of elements says it:
   * what a capability answers on the VM, or what a member of the argument says.
   */
  length?: { capability: string } | { member: string };
  /** The architectures (the kernel's directory names) that have it; all, when absent. */
  arch?: readonly string[];
  /** Members of the argument that hold an address of this process, which the kernel reads or writes: dotted paths. */
  pointers?: readonly string[];
  /** What a success makes that somebody has to give back: a file descriptor, as the result or in the argument. */
  gives?: 'fd';
}

/** The member of a record that counts the elements of its flexible array. */
export type FlexCounts = Readonly<Record<string, string>>;
