/**
 * The one interface between this package and the kernel. Its two implementations, koffi and the native addon, behave
 * identically; the code above does not know which one it uses.
 *
 * Every call returns the result of the system call: a non-negative number, or `-errno`. A backend does not throw for an
 * errno, does not allocate during a call, and does not check arguments: its callers do, because they know the names for
 * the message. Addresses are numbers, because no address of a Linux process exceeds 2^53.
 */
export interface Backend {
  readonly name: BackendName;
  /** The version of the underlying library, for people: "koffi 3.3.4". */
  readonly version: string;

  /** `open(path, O_RDWR | O_CLOEXEC)`. */
  open(path: string): number;
  close(fd: number): number;
  /**
   * `ioctl(fd, request, argument)`. The argument is a plain number, or an address that `address` returned. It needs no
   * `this`, and is the only backend call on the exit path.
   */
  ioctl(fd: number, request: number, argument: number): number;
  /** The address of a buffer's bytes. It is valid as long as the buffer is referenced. */
  address(bytes: ArrayBufferView): number;

  /** Maps `length` bytes of a file, shared, for reading and writing; returns the address, or `-errno`. */
  map(fd: number, length: number, offset: number): number;
  /**
   * Replaces pages of this process by those of a file, for reading and writing: shared, or private, so that writes stay
   * in this process. Returns 0, or `-errno`.
   */
  mapOver(fd: number, address: number, length: number, offset: number, isPrivate: boolean): number;
  /**
   * Replaces a mapping with private zero pages, so that a view which outlives it reads zeros and never faults.
   * The kernel's object behind the mapping is released at once; the address range stays reserved.
   */
  blank(address: number, length: number): number;
  /** Unmaps memory that has no views. */
  unmap(address: number, length: number): number;
  /** Returns the pages of private memory to the host at once. They read zero from then on. */
  discard(address: number, length: number): number;
  /** Removes the pages of a shared mapping from its file. They read zero from then on, in every mapping. */
  remove(address: number, length: number): number;
  /** Takes a range out of a file, which keeps its size: it reads zero from then on. */
  punchHole(fd: number, offset: number, length: number): number;
  /** Zeroes a range of a file, and keeps the room for it on the disk. `-EOPNOTSUPP` where its file system cannot. */
  zeroRange(fd: number, offset: number, length: number): number;
  /**
   * Locks a whole file until its last descriptor is closed: for the only user, or for one of several. The lock belongs
   * to the open file and not to the process (`F_OFD_SETLK`). Returns `-EAGAIN` if a user of another kind has it.
   */
  lock(fd: number, exclusive: boolean): number;
  /** A file without a name, in memory, of size 0 and close-on-exec: `memfd_create`. */
  memoryFile(): number;
  /** Asks the host to back private memory with huge pages. */
  hugePages(address: number, length: number): number;
  /** The bytes at an address, as a view. */
  view(address: number, length: number): ArrayBuffer;

  /** `eventfd(initial, EFD_CLOEXEC | EFD_NONBLOCK)`. */
  eventfd(initial: number): number;
  /** A second descriptor of the same file, close-on-exec. */
  duplicate(fd: number): number;
  read(fd: number, address: number, length: number): number;
  /** Reads at a file offset; may read less than `length`. */
  pread(fd: number, address: number, length: number, offset: number): number;
  write(fd: number, address: number, length: number): number;

  /** Waits at most `timeout` milliseconds, or forever with -1. Returns 1 if there is something to read, 0 if not. */
  poll(fd: number, timeout: number): number;
  /** `epoll_create1(EPOLL_CLOEXEC)`. */
  epollCreate(): number;
  /** `epoll_ctl(epoll, operation, fd, ...)`. `token` comes back with the events: a whole number of 32 bits. */
  epollControl(epoll: number, operation: number, fd: number, events: number, token: number): number;
  /** `epoll_wait(epoll, address, count, timeout)`: fills the address with `epollEvent` structures, returns how many. */
  epollWait(epoll: number, address: number, count: number, timeout: number): number;
  /**
   * Makes any other system call of this processor: six arguments, 0 for those that it does not have. Returns its
   * result, or `-errno`.
   */
  syscall(number: number, a: number, b: number, c: number, d: number, e: number, f: number): number;

  /** The id of this thread, for `interrupt`. */
  threadId(): number;
  /**
   * Sends a thread of this process a signal whose handler does nothing, so that a `KVM_RUN` in it returns EINTR. The
   * handler has SA_RESTART: calls that the kernel can restart, such as a read of a pipe, continue.
   * Returns `-ESRCH` when the thread is gone.
   */
  interrupt(threadId: number): number;
  /** Creates a disarmed timer that interrupts a thread of this process like `interrupt`. Returns the timer's number. */
  createTimer(threadId: number): number;
  /**
   * Arms a timer to expire after `milliseconds`, and then every `interval` milliseconds; 0 disarms it. It repeats
   * because a single signal may arrive just before the `KVM_RUN` that it should interrupt.
   */
  setTimer(timer: number, milliseconds: number, interval: number): number;
  deleteTimer(timer: number): number;
}

/**
 * `struct epoll_event` of this machine, in words of 32 bits: its size, and where the token begins. The events are the
 * first word. It is packed on x86 alone.
 */
export const epollEvent = process.arch === 'x64' ? { words: 3, token: 1 } : { words: 4, token: 2 };

/**
 * The real-time signals that a kick may use. libc uses those below and, by convention, so do debuggers and runtimes.
 */
export const kickSignals = { first: 40, last: 60 } as const;

export type BackendName = 'native' | 'ffi';
