import { constants } from 'node:os';
import { type Backend, epollEvent, kickSignals } from './backend.js';
import { requireInstalled } from './installed.js';

const PROT_READ_WRITE = 0x3;
const MAP_SHARED = 0x01;
const MAP_SHARED_FIXED = 0x01 | 0x10;
const MAP_PRIVATE_FIXED_NORESERVE = 0x02 | 0x10 | 0x4000;
const MAP_PRIVATE_FIXED_ANONYMOUS_NORESERVE = 0x02 | 0x10 | 0x20 | 0x4000;
const MADV_DONTNEED = 4;
const MADV_REMOVE = 9;
const MADV_HUGEPAGE = 14;
const FALLOC_FL_KEEP_SIZE_PUNCH_HOLE = 0x01 | 0x02;
const FALLOC_FL_KEEP_SIZE_ZERO_RANGE = 0x01 | 0x10;
const MFD_CLOEXEC = 1;
const POLLIN = 1;
const O_RDWR_CLOEXEC = 0o2000002;
const F_DUPFD_CLOEXEC = 1030;
const F_OFD_SETLK = 37;
const F_RDLCK = 0;
const F_WRLCK = 1;
const EFD_CLOEXEC_NONBLOCK = 0o2000000 | 0o4000;
const EPOLL_CLOEXEC = 0o2000000;
const SIG_DFL = 0n;
const CLOCK_MONOTONIC = 1;
const SIGEV_THREAD_ID = 4;
/** Nanoseconds in a millisecond. */
const MILLISECOND = 1_000_000;
/** Room for libc's struct sigaction, which has the handler first on every 64-bit Linux; 24 words are ample. */
const SIGACTION_WORDS = 24;

/** The part of koffi that this file uses. koffi returns addresses as bigint and takes them as number or bigint. */
interface Koffi {
  version: string;
  load(path: string | null): { func(definition: string): (...args: never[]) => unknown };
  view(address: bigint, length: number): ArrayBuffer;
  address(view: ArrayBufferView): bigint;
}

/**
 * Calls libc through koffi, without compiled code of our own. Prototypes have a fixed number of arguments and take
 * addresses as integers: this avoids koffi's conversions, which are most of the cost of a short call.
 */
export function loadFfi(): Backend {
  const koffi = loadKoffi();
  const libc = koffi.load(null);
  const errnoAddress = (libc.func('void *__errno_location(void)') as () => bigint)();
  // The thread's errno, mapped once: reading it is a load, while koffi.errno() is a call.
  const errno = new Int32Array(koffi.view(errnoAddress, 4));

  /** Turns a libc function that returns -1 and sets errno into one that returns -errno. */
  const syscall = (definition: string, library = libc): ((...args: (number | string)[]) => number) => {
    const call = library.func(definition) as unknown as (...args: (number | string)[]) => number;
    return (...args) => {
      const result = call(...args);
      return result === -1 ? -(errno[0] as number) : result;
    };
  };

  const ioctl = libc.func('int ioctl(int fd, uint32_t request, int64_t argument)') as unknown as Backend['ioctl'];
  const open = syscall('int open(const char *path, int flags, int mode)');
  const close = syscall('int close(int fd)');
  const mmap = syscall('int64_t mmap(int64_t address, size_t length, int prot, int flags, int fd, int64_t offset)');
  const munmap = syscall('int munmap(int64_t address, size_t length)');
  const madvise = syscall('int madvise(int64_t address, size_t length, int advice)');
  const fallocate = syscall('int fallocate(int fd, int mode, int64_t offset, int64_t length)');
  const memfdCreate = syscall('int memfd_create(const char *name, uint32_t flags)');
  const eventfd = syscall('int eventfd(uint32_t initial, int flags)');
  const fcntl = syscall('int fcntl(int fd, int command, int64_t argument)');
  const read = syscall('int64_t read(int fd, int64_t buffer, size_t length)');
  const pread = syscall('int64_t pread(int fd, int64_t buffer, size_t length, int64_t offset)');
  const write = syscall('int64_t write(int fd, int64_t buffer, size_t length)');
  const poll = syscall('int poll(int64_t fds, unsigned long count, int timeout)');
  // struct pollfd: the descriptor, the requested events, and the returned events.
  const pollfd = new Int32Array(2);
  new Int16Array(pollfd.buffer)[2] = POLLIN;
  const pollfdAddress = Number(koffi.address(pollfd));
  // struct flock, which starts with the type and an origin; a start and a length of 0 are the whole file.
  const flock = new BigInt64Array(4);
  const flockType = new Int16Array(flock.buffer);
  const flockAddress = Number(koffi.address(flock));
  const epollCreate = syscall('int epoll_create1(int flags)');
  const epollControl = syscall('int epoll_ctl(int epoll, int operation, int fd, int64_t event)');
  const epollWait = syscall('int epoll_wait(int epoll, int64_t events, int count, int timeout)');
  const anySyscall = syscall(
    `int64_t syscall(int64_t number, ${['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `int64_t ${name}`).join(', ')})`,
  );
  const wanted = new Int32Array(epollEvent.words);
  const wantedAddress = Number(koffi.address(wanted));
  const tgkill = syscall('int tgkill(int process, int thread, int signal)');
  const threadId = libc.func('int gettid(void)') as unknown as () => number;

  return {
    name: 'ffi',
    version: `koffi ${koffi.version}`,
    open: (path) => open(path, O_RDWR_CLOEXEC, 0),
    close,
    ioctl: (fd, request, argument) => {
      const result = ioctl(fd, request, argument);
      return result === -1 ? -(errno[0] as number) : result;
    },
    address: (bytes) => Number(koffi.address(bytes)),
    map: (fd, length, offset) => mmap(0, length, PROT_READ_WRITE, MAP_SHARED, fd, offset),
    mapOver: (fd, address, length, offset, isPrivate) =>
      Math.min(
        0,
        mmap(address, length, PROT_READ_WRITE, isPrivate ? MAP_PRIVATE_FIXED_NORESERVE : MAP_SHARED_FIXED, fd, offset),
      ),
    blank: (address, length) =>
      mmap(address, length, PROT_READ_WRITE, MAP_PRIVATE_FIXED_ANONYMOUS_NORESERVE, -1, 0) < 0
        ? -(errno[0] as number)
        : 0,
    unmap: munmap,
    discard: (address, length) => madvise(address, length, MADV_DONTNEED),
    remove: (address, length) => madvise(address, length, MADV_REMOVE),
    punchHole: (fd, offset, length) => fallocate(fd, FALLOC_FL_KEEP_SIZE_PUNCH_HOLE, offset, length),
    zeroRange: (fd, offset, length) => fallocate(fd, FALLOC_FL_KEEP_SIZE_ZERO_RANGE, offset, length),
    lock: (fd, exclusive) => {
      flockType[0] = exclusive ? F_WRLCK : F_RDLCK;
      return fcntl(fd, F_OFD_SETLK, flockAddress);
    },
    memoryFile: () => memfdCreate('kvm', MFD_CLOEXEC),
    hugePages: (address, length) => madvise(address, length, MADV_HUGEPAGE),
    view: (address, length) => koffi.view(BigInt(address), length),
    eventfd: (initial) => eventfd(initial, EFD_CLOEXEC_NONBLOCK),
    duplicate: (fd) => fcntl(fd, F_DUPFD_CLOEXEC, 0),
    read,
    pread,
    write,
    poll: (fd, timeout) => {
      pollfd[0] = fd;
      return poll(pollfdAddress, 1, timeout);
    },
    epollCreate: () => epollCreate(EPOLL_CLOEXEC),
    epollControl: (epoll, operation, fd, events, token) => {
      wanted[0] = events;
      wanted[epollEvent.token] = token;
      return epollControl(epoll, operation, fd, wantedAddress);
    },
    epollWait,
    syscall: anySyscall,
    threadId,
    interrupt: (thread) => {
      const signal = prepareKickSignal(libc);
      return signal < 0 ? signal : tgkill(process.pid, thread, signal);
    },
    ...timers(koffi, libc, syscall),
  };
}

/** POSIX timers. A libc from before 2021 has them in a separate library. */
function timers(
  koffi: Koffi,
  libc: ReturnType<Koffi['load']>,
  syscall: (definition: string, library?: ReturnType<Koffi['load']>) => (...args: (number | string)[]) => number,
): Pick<Backend, 'createTimer' | 'setTimer' | 'deleteTimer'> {
  let calls: Record<'create' | 'set' | 'delete', (...args: number[]) => number> | undefined;
  const loaded = (): NonNullable<typeof calls> => {
    const from = (library: ReturnType<Koffi['load']>): NonNullable<typeof calls> => ({
      create: syscall('int timer_create(int clock, int64_t event, int64_t timer)', library),
      set: syscall('int timer_settime(int64_t timer, int flags, int64_t value, int64_t previous)', library),
      delete: syscall('int timer_delete(int64_t timer)', library),
    });
    try {
      return from(libc);
    } catch {
      return from(koffi.load('librt.so.1'));
    }
  };
  // struct sigevent, which starts with the value, the signal, the notification and the thread; and a timer_t.
  const event = new Int32Array(16);
  const timer = new BigInt64Array(1);
  // struct itimerspec: the interval and the first time, each in seconds and nanoseconds.
  const value = new BigInt64Array(4);
  return {
    createTimer: (threadId) => {
      const signal = prepareKickSignal(libc);
      if (signal < 0) return signal;
      event.set([signal, SIGEV_THREAD_ID, threadId], 2);
      calls ??= loaded();
      const result = calls.create(CLOCK_MONOTONIC, Number(koffi.address(event)), Number(koffi.address(timer)));
      return result < 0 ? result : Number(timer[0]);
    },
    setTimer: (id, milliseconds, interval) => {
      const every = milliseconds === 0 ? 0 : interval;
      value[0] = BigInt(Math.floor(every / 1000));
      value[1] = BigInt((every % 1000) * MILLISECOND);
      value[2] = BigInt(Math.floor(milliseconds / 1000));
      value[3] = BigInt(Math.min(Math.ceil((milliseconds % 1000) * MILLISECOND), 999_999_999));
      calls ??= loaded();
      return calls.set(id, 0, Number(koffi.address(value)), 0);
    },
    deleteTimer: (id) => {
      calls ??= loaded();
      return calls.delete(id);
    },
  };
}

let kickSignal = 0;

/**
 * The signal for kicks: the first unused real-time signal, or `-EBUSY` if there is none. Its handler is libc's `abs`, a
 * function that takes an int, has no side effects, and may run at any moment in any thread.
 */
function prepareKickSignal(libc: ReturnType<Koffi['load']>): number {
  if (kickSignal !== 0) return kickSignal;
  const sigaction = libc.func('int sigaction(int number, uint64_t *action, _Out_ uint64_t *previous)') as unknown as (
    number: number,
    action: null,
    previous: BigUint64Array,
  ) => number;
  // libc's `signal` sets SA_RESTART. The offset of the flags in struct sigaction differs between libcs.
  const setHandler = libc.func('int64_t signal(int number, uint64_t handler)') as unknown as (
    number: number,
    handler: bigint,
  ) => bigint;
  const dlsym = libc.func('void *dlsym(void *library, const char *name)') as unknown as (l: null, n: string) => bigint;
  const harmless = dlsym(null, 'abs');
  for (let number = kickSignals.first; number <= kickSignals.last; number++) {
    const current = new BigUint64Array(SIGACTION_WORDS);
    sigaction(number, null, current);
    // Another thread's copy of this module may have set the handler already: it is the same one.
    if (current[0] !== SIG_DFL && current[0] !== harmless) continue;
    setHandler(number, harmless);
    kickSignal = number;
    return number;
  }
  return -constants.errno.EBUSY;
}

/**
 * Loads koffi's binary for this machine from a package without an install script. Most package managers block the
 * install script of the package `koffi` with a warning; `koffi` is the fallback for machines without such a binary.
 */
function loadKoffi(): Koffi {
  const load = requireInstalled();
  try {
    return load(`@koromix/koffi-linux-${process.arch}`) as Koffi;
  } catch (cause) {
    try {
      return load('koffi') as Koffi;
    } catch {
      throw cause;
    }
  }
}
