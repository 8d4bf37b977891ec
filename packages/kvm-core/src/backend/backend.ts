/**
 * The one interface between this package and the kernel. Two implementations, koffi and the native addon, do exactly the same;
 * nothing above it knows which is there.
 *
 * Every call returns what the system call returns: a number that is not negative, or `-errno`. Nothing here throws for what
 * the kernel says, allocates on the way, or checks its arguments: that is done above, where there is a name for the message.
 * Addresses are numbers, for no address of a Linux process exceeds 2^53.
 */
export interface Backend {
  readonly name: BackendName;
  /** The version of what it is built on, for people: "koffi 3.3.4". */
  readonly version: string;

  /** `open(path, O_RDWR | O_CLOEXEC)`. */
  open(path: string): number;
  close(fd: number): number;
  /**
   * `ioctl(fd, request, argument)`: the argument is a plain number, or an address as `address` gives it. It needs no `this`, and is all of
   * the exit path below JavaScript.
   */
  ioctl(fd: number, request: number, argument: number): number;
  /** The address of a buffer's bytes; it stays where it is for as long as the buffer is referenced. */
  address(bytes: ArrayBufferView): number;

  /** Maps `length` bytes of a file, shared, for reading and writing; returns the address, or `-errno`. */
  map(fd: number, length: number, offset: number): number;
  /**
   * Puts private zero pages in the place of a mapping, so that a view which outlives it reads zeros and never faults.
   * The kernel's object behind the mapping is let go at once; the addresses stay taken.
   */
  blank(address: number, length: number): number;
  /** Gives up a mapping that nothing views. */
  unmap(address: number, length: number): number;
  /** Gives the pages of private memory back to the host at once; they read zero from then on. */
  discard(address: number, length: number): number;
  /** Takes the pages of a shared mapping out of its file: they read zero from then on, in each mapping. */
  remove(address: number, length: number): number;
  /** Takes a range out of a file, which keeps its size: it reads zero from then on. */
  punchHole(fd: number, offset: number, length: number): number;
  /** Asks the host to back private memory with huge pages. */
  hugePages(address: number, length: number): number;
  /** The bytes at an address, as a view. */
  view(address: number, length: number): ArrayBuffer;

  /** `eventfd(initial, EFD_CLOEXEC | EFD_NONBLOCK)`. */
  eventfd(initial: number): number;
  /** Another descriptor of the same file, close-on-exec. */
  duplicate(fd: number): number;
  read(fd: number, address: number, length: number): number;
  /** Reads at an offset of its own; may read less than `length`. */
  pread(fd: number, address: number, length: number, offset: number): number;
  write(fd: number, address: number, length: number): number;

  /** Waits until there is something to read, for so many milliseconds or, with -1, until then: 1 if there is, 0 if not. */
  poll(fd: number, timeout: number): number;

  /** This thread, for `interrupt`. */
  threadId(): number;
  /**
   * Sends a thread of this process a signal whose handler does nothing, so that a `KVM_RUN` in it returns with EINTR. The handler has
   * SA_RESTART: calls that the kernel can restart, such as a read of a pipe, go on.
   * Returns `-ESRCH` when the thread is gone.
   */
  interrupt(threadId: number): number;
  /** A timer, at rest, that interrupts a thread of this process as `interrupt` does: its number. */
  createTimer(threadId: number): number;
  /**
   * Makes a timer go off in so many milliseconds, and every `interval` milliseconds from then on; with 0 it rests. It repeats because one
   * signal may come just before the `KVM_RUN` that it should cut short.
   */
  setTimer(timer: number, milliseconds: number, interval: number): number;
  deleteTimer(timer: number): number;
}

/** The signals that a kick may be: of the real-time ones, for those below are libc's and, by custom, debuggers' and runtimes'. */
export const kickSignals = { first: 40, last: 60 } as const;

export type BackendName = 'native' | 'ffi';
