import { type BigIntStats, fdatasyncSync, fstatSync, fsyncSync, statfsSync } from 'node:fs';
import { KvmError } from '@kvm/core';
import type { Backend } from '@kvm/core/backend';
import {
  __NR_fallocate,
  __NR_fchmodat,
  __NR_fchownat,
  __NR_ftruncate,
  __NR_getdents64,
  __NR_getxattr,
  __NR_linkat,
  __NR_listxattr,
  __NR_lseek,
  __NR_mkdirat,
  __NR_mknodat,
  __NR_openat,
  __NR_preadv,
  __NR_pwritev,
  __NR_readlinkat,
  __NR_removexattr,
  __NR_renameat2,
  __NR_setfsgid,
  __NR_setfsuid,
  __NR_setxattr,
  __NR_symlinkat,
  __NR_umask,
  __NR_unlinkat,
  __NR_unshare,
  __NR_utimensat,
} from '../../abi/unistd/constants.js';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_FOLLOW,
  CLONE_FS,
  O_CLOEXEC,
  O_PATH,
  UTIME_NOW,
  UTIME_OMIT,
} from './linux.js';

/** The address of bytes of this process: of a name with a zero byte behind it, or of a buffer. */
export type Address = number;

/** The part of a backend that files need. */
export type HostBackend = Pick<Backend, 'syscall' | 'address' | 'close' | 'duplicate'>;

const folder = '/proc/self/fd/';
/** Digits of a descriptor, and the zero byte. */
const digits = 12;
const twoTo32 = 2 ** 32;
/** "As it is", for a user or a group. */
const unchanged = 2 ** 32 - 1;

/** Memory whose address never changes: short typed arrays without a buffer of their own may move. */
export function stableBytes(length: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(length));
}

/**
 * The files of the host, as a server of shared folders uses them. A file is found from the descriptor of its folder and
 * one name, and never by a path: whoever renames folders meanwhile, or puts symlinks into them, leads nowhere. The
 * descriptors are of the kind that only finds (O_PATH); `reopen` makes one that reads and writes.
 *
 * Like the system calls, each method returns what the kernel does: a number that is not negative, or `-errno`.
 */
export class Host {
  readonly #backend: HostBackend;
  readonly #path = stableBytes(folder.length + digits);
  readonly #pathAddress: Address;
  readonly #times = new DataView(new ArrayBuffer(32));
  readonly #timesAddress: Address;
  readonly #empty: Address;
  /** The folder of this process's descriptors. */
  readonly #descriptors: number;
  /** Whether files can be made in the name of others. */
  readonly #isRoot = process.geteuid?.() === 0;

  /** @throws KvmError `ERR_KVM_SYSCALL` where /proc is not mounted. */
  constructor(backend: HostBackend) {
    this.#backend = backend;
    this.#pathAddress = backend.address(this.#path);
    this.#timesAddress = backend.address(this.#times);
    new TextEncoder().encodeInto(folder, this.#path);
    this.#empty = this.#pathAddress + this.#path.length - 1;
    this.#descriptors = this.#call(__NR_openat, AT_FDCWD, this.#pathAddress, O_PATH | O_CLOEXEC);
    if (this.#descriptors < 0) {
      throw new KvmError('ERR_KVM_SYSCALL', `${folder} cannot be opened`, {
        errno: -this.#descriptors,
        hint: 'a shared folder needs /proc: mount it',
      });
    }
  }

  close(): void {
    this.#backend.close(this.#descriptors);
  }

  /** Bytes of this process, for calls. The buffer must not move: `stableBytes`. */
  address(bytes: ArrayBufferView): Address {
    return this.#backend.address(bytes);
  }

  /** Makes files of this thread with exactly the permissions that they are to have. */
  dropMask(): void {
    // The mask belongs to all threads that have not left them.
    if (this.#call(__NR_unshare, CLONE_FS) === 0) this.#call(__NR_umask, 0);
  }

  /** A descriptor of what has a name in a folder, itself if it is a symlink, or of a new file. */
  open(dir: number, name: Address, flags: number, mode = 0): number {
    return this.#call(__NR_openat, dir, name, flags | O_CLOEXEC, mode);
  }

  /** A second descriptor of what one stands for, which is a regular file or a folder if it is to be read. */
  reopen(fd: number, flags: number): number {
    return this.#call(__NR_openat, this.#descriptors, this.#nameOf(fd), flags | O_CLOEXEC);
  }

  closeFile(fd: number): void {
    this.#backend.close(fd);
  }

  /** Reports what a closing of this file would report. */
  flush(fd: number): number {
    const copy = this.#backend.duplicate(fd);
    return copy < 0 ? copy : this.#backend.close(copy);
  }

  stat(fd: number): BigIntStats | number {
    try {
      return fstatSync(fd, { bigint: true });
    } catch (error) {
      return errnoOf(error);
    }
  }

  statfs(fd: number): ReturnType<typeof statfsSync> | number {
    try {
      return statfsSync(`${folder}${fd}`);
    } catch (error) {
      return errnoOf(error);
    }
  }

  sync(fd: number, dataOnly: boolean): number {
    try {
      if (dataOnly) fdatasyncSync(fd);
      else fsyncSync(fd);
      return 0;
    } catch (error) {
      return errnoOf(error);
    }
  }

  makeFolder(dir: number, name: Address, mode: number): number {
    return this.#call(__NR_mkdirat, dir, name, mode);
  }

  makeNode(dir: number, name: Address, mode: number): number {
    return this.#call(__NR_mknodat, dir, name, mode);
  }

  makeSymlink(dir: number, name: Address, target: Address): number {
    return this.#call(__NR_symlinkat, target, dir, name);
  }

  /** A second name of what a descriptor stands for. */
  makeLink(fd: number, dir: number, name: Address): number {
    return this.#call(__NR_linkat, this.#descriptors, this.#nameOf(fd), dir, name, AT_SYMLINK_FOLLOW);
  }

  remove(dir: number, name: Address, isFolder: boolean): number {
    return this.#call(__NR_unlinkat, dir, name, isFolder ? AT_REMOVEDIR : 0);
  }

  rename(from: number, name: Address, to: number, newName: Address, flags: number): number {
    return this.#call(__NR_renameat2, from, name, to, newName, flags);
  }

  readLink(fd: number, into: Address, length: number): number {
    return this.#call(__NR_readlinkat, fd, this.#empty, into, length);
  }

  /** Not for a symlink, which has no mode. */
  chmod(fd: number, mode: number): number {
    return this.#call(__NR_fchmodat, this.#descriptors, this.#nameOf(fd), mode);
  }

  /** An id that is undefined stays. */
  chown(fd: number, uid: number | undefined, gid: number | undefined): number {
    return this.#call(__NR_fchownat, fd, this.#empty, uid ?? unchanged, gid ?? unchanged, AT_EMPTY_PATH);
  }

  /** Sets the times of access and of change: seconds and nanoseconds, now, or undefined for none. */
  setTimes(fd: number, access: Time | 'now' | undefined, change: Time | 'now' | undefined): number {
    for (const [index, time] of [access, change].entries()) {
      const isTime = typeof time === 'object';
      this.#times.setBigUint64(16 * index, isTime ? time.seconds : 0n, true);
      const nanoseconds = isTime ? time.nanoseconds : time === 'now' ? UTIME_NOW : UTIME_OMIT;
      this.#times.setBigUint64(16 * index + 8, BigInt(nanoseconds), true);
    }
    return this.#call(__NR_utimensat, fd, this.#empty, this.#timesAddress, AT_EMPTY_PATH);
  }

  truncate(fd: number, size: number): number {
    return this.#call(__NR_ftruncate, fd, size);
  }

  allocate(fd: number, mode: number, offset: number, length: number): number {
    return this.#call(__NR_fallocate, fd, mode, offset, length);
  }

  seek(fd: number, offset: number, whence: number): number {
    return this.#call(__NR_lseek, fd, offset, whence);
  }

  /** Reads entries of a folder, as getdents(2) describes them. */
  readFolder(fd: number, into: Address, length: number): number {
    return this.#call(__NR_getdents64, fd, into, length);
  }

  /** Moves bytes between a file and as many pieces of memory, which `vectors` has as `struct iovec`. */
  transfer(isWrite: boolean, fd: number, vectors: Address, count: number, position: number): number {
    return this.#call(isWrite ? __NR_pwritev : __NR_preadv, fd, vectors, count, position);
  }

  getAttribute(fd: number, name: Address, value: Address, size: number): number {
    return this.#call(__NR_getxattr, this.#pathOf(fd), name, value, size);
  }

  listAttributes(fd: number, list: Address, size: number): number {
    return this.#call(__NR_listxattr, this.#pathOf(fd), list, size);
  }

  setAttribute(fd: number, name: Address, value: Address, size: number, flags: number): number {
    return this.#call(__NR_setxattr, this.#pathOf(fd), name, value, size, flags);
  }

  removeAttribute(fd: number, name: Address): number {
    return this.#call(__NR_removexattr, this.#pathOf(fd), name);
  }

  /** Calls `make` as a user of the host, if this process may, so that what it makes belongs to them. */
  as(uid: number, gid: number, make: () => number): number {
    if (!this.#isRoot) return make();
    // Of this thread alone, and for files alone. The group comes first, while this is still root.
    const ownGid = this.#call(__NR_setfsgid, gid);
    const ownUid = this.#call(__NR_setfsuid, uid);
    try {
      return make();
    } finally {
      this.#call(__NR_setfsuid, ownUid);
      this.#call(__NR_setfsgid, ownGid);
    }
  }

  #call(number: number, a: number, b = 0, c = 0, d = 0, e = 0): number {
    return this.#backend.syscall(number, a, b, c, d, e, 0);
  }

  #pathOf(fd: number): Address {
    this.#nameOf(fd);
    return this.#pathAddress;
  }

  /** The name of a descriptor in the folder of this process's descriptors. */
  #nameOf(fd: number): Address {
    let length = 1;
    for (let rest = fd; rest >= 10; rest = Math.floor(rest / 10)) length++;
    let rest = fd;
    for (let i = length - 1; i >= 0; i--) {
      this.#path[folder.length + i] = 0x30 + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    this.#path[folder.length + length] = 0;
    return this.#pathAddress + folder.length;
  }
}

export interface Time {
  /** Since 1970, in 64 bits; those before have the highest bit set. */
  readonly seconds: bigint;
  readonly nanoseconds: number;
}

/** Puts a number of 64 bits into memory: an address or a length. */
export function putNumber(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % twoTo32, true);
  view.setUint32(at + 4, Math.floor(value / twoTo32), true);
}

/** A number of 64 bits. From 2^53 on it is not exact, and no offset, length or number that is in use. */
export function numberAt(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * twoTo32 + view.getUint32(at, true);
}

/** What Node's error says of the system call, negative. */
function errnoOf(error: unknown): number {
  const { errno } = error as NodeJS.ErrnoException;
  if (errno !== undefined) return errno;
  throw error;
}
