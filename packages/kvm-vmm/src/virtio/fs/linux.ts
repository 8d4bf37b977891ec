/** Numbers of Linux that are the same on all of its 64-bit architectures here, and that Node does not have. */

// asm-generic/fcntl.h
export const O_CLOEXEC = 0o2000000;
export const O_PATH = 0o10000000;

// linux/fcntl.h
export const AT_FDCWD = -100;
export const AT_REMOVEDIR = 0x200;
export const AT_SYMLINK_FOLLOW = 0x400;
export const AT_EMPTY_PATH = 0x1000;

// linux/stat.h
export const UTIME_NOW = 0x3fff_ffff;
export const UTIME_OMIT = 0x3fff_fffe;

// linux/fs.h
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;
export const RENAME_NOREPLACE = 1;
export const RENAME_EXCHANGE = 2;

// linux/falloc.h
export const FALLOC_FL_KEEP_SIZE = 1;
export const FALLOC_FL_PUNCH_HOLE = 2;
export const FALLOC_FL_ZERO_RANGE = 0x10;

// linux/xattr.h
export const XATTR_CREATE = 1;
export const XATTR_REPLACE = 2;
export const XATTR_SIZE_MAX = 65_536;

// linux/limits.h
export const NAME_MAX = 255;
export const PATH_MAX = 4096;

// linux/uio.h
export const UIO_MAXIOV = 1024;

// linux/sched.h
export const CLONE_FS = 0x200;
