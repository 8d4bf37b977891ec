import { constants as flags } from 'node:fs';
import { constants } from 'node:os';
import {
  FOPEN_CACHE_DIR,
  FOPEN_DIRECT_IO,
  FOPEN_KEEP_CACHE,
  FUSE_FALLOCATE,
  FUSE_FLUSH,
  FUSE_FSYNC,
  FUSE_FSYNC_FDATASYNC,
  FUSE_FSYNCDIR,
  FUSE_LSEEK,
  FUSE_OPEN,
  FUSE_READ,
  FUSE_RELEASE,
  FUSE_WRITE,
  FUSE_WRITE_KILL_SUIDGID,
} from '../../abi/fuse/constants.js';
import {
  FuseFallocateIn,
  FuseFlushIn,
  FuseFsyncIn,
  FuseLseekIn,
  FuseLseekOut,
  FuseOpenIn,
  FuseOpenOut,
  FuseReadIn,
  FuseReleaseIn,
  FuseWriteIn,
  FuseWriteOut,
} from '../../abi/fuse/structs.js';
import type { Chain } from '../chain.js';
import { numberAt } from './host.js';
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE, SEEK_DATA, SEEK_HOLE } from './linux.js';
import { placeIn, requestStart } from './message.js';
import { changes, type Operations, operation } from './operation.js';
import type { Share } from './share.js';
import type { Vectors } from './vectors.js';

const { EINVAL, EISDIR, ENFILE, ENXIO, EOPNOTSUPP, EROFS } = constants.errno;

/** How the guest is to treat its cache of an open file or folder. */
export const openFlags = { none: FOPEN_DIRECT_IO, auto: 0, always: FOPEN_KEEP_CACHE } as const;
export const folderFlags = { none: 0, auto: 0, always: FOPEN_KEEP_CACHE | FOPEN_CACHE_DIR } as const;

const accessMode = flags.O_RDONLY | flags.O_WRONLY | flags.O_RDWR;
/**
 * What a guest may ask for beside reading and writing. The rest is done by its own kernel, or is not its business: it
 * says where it appends, and may write mapped pages through any descriptor, which must not append them.
 */
const allowedFlags = flags.O_DSYNC | flags.O_SYNC | flags.O_TRUNC;
const allocations = new Set<number>([
  0,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_ZERO_RANGE,
  FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
]);

/** READ and WRITE have these in the same places. */
const place = {
  fh: requestStart + placeIn(FuseWriteIn, 'fh'),
  offset: requestStart + placeIn(FuseWriteIn, 'offset'),
  size: requestStart + placeIn(FuseWriteIn, 'size'),
  writeFlags: requestStart + placeIn(FuseWriteIn, 'writeFlags'),
};

/** The flags with which the host opens a regular file, or -errno. */
export function fileFlags(wanted: number): number {
  return (wanted & accessMode) === accessMode ? -EINVAL : wanted & (accessMode | allowedFlags);
}

/** The requests about open files. */
export function fileOperations(share: Share, vectors: Vectors): Operations {
  const { message, host, handles } = share;
  const openIn = new FuseOpenIn(message.source);
  const openOut = new FuseOpenOut(message.answerSource());
  const releaseIn = new FuseReleaseIn(message.source);
  const fsyncIn = new FuseFsyncIn(message.source);
  const flushIn = new FuseFlushIn(message.source);
  const fallocateIn = new FuseFallocateIn(message.source);
  const lseekIn = new FuseLseekIn(message.source);
  const lseekOut = new FuseLseekOut(message.answerSource());
  const writeOut = new FuseWriteOut(message.answerSource());

  const open = (): number => {
    const inode = share.inode();
    if (typeof inode === 'number') return inode;
    if (inode.kind === 'folder') return -EISDIR;
    // The guest's own kernel has the other side of a pipe or a socket.
    if (inode.kind !== 'file') return -ENXIO;
    const how = fileFlags(openIn.flags);
    if (how < 0) return how;
    if (share.isReadOnly && how !== flags.O_RDONLY) return -EROFS;
    if (handles.isFull) return -ENFILE;
    const fd = host.reopen(inode.fd, how);
    if (fd < 0) return fd;
    openOut.fh = BigInt(handles.add(inode.id, fd));
    openOut.openFlags = openFlags[share.cache];
    openOut.backingId = 0;
    return FuseOpenOut.size;
  };

  const read = (chain: Chain): number => {
    const handle = share.handle(numberAt(message.view, place.fh), false);
    if (typeof handle === 'number') return handle;
    const position = numberAt(message.view, place.offset);
    if (!Number.isSafeInteger(position)) return -EINVAL;
    return vectors.read(chain, handle.fd, position, message.view.getUint32(place.size, true));
  };

  const write = (chain: Chain): number => {
    const handle = share.handle(numberAt(message.view, place.fh), false);
    if (typeof handle === 'number') return handle;
    const position = numberAt(message.view, place.offset);
    const size = message.view.getUint32(place.size, true);
    const start = requestStart + FuseWriteIn.size;
    if (!Number.isSafeInteger(position) || chain.readableLength - start !== size) return -EINVAL;
    const killed = message.view.getUint32(place.writeFlags, true) & FUSE_WRITE_KILL_SUIDGID;
    if (killed !== 0) share.dropSetIds(handle.fd);
    const written = vectors.write(chain, handle.fd, position, start);
    if (written < 0) return written;
    writeOut.size = written;
    writeOut.padding = 0;
    return FuseWriteOut.size;
  };

  const sync = (isFolder: boolean): number => {
    const handle = share.handle(Number(fsyncIn.fh), isFolder);
    if (typeof handle === 'number') return handle;
    return host.sync(handle.fd, (fsyncIn.fsyncFlags & FUSE_FSYNC_FDATASYNC) !== 0);
  };

  return {
    [FUSE_OPEN]: operation(FuseOpenIn, FuseOpenOut, open),
    [FUSE_READ]: operation(FuseReadIn, undefined, read),
    [FUSE_WRITE]: operation(FuseWriteIn, FuseWriteOut, write, { changes: true, hasData: true }),
    [FUSE_RELEASE]: operation(FuseReleaseIn, undefined, () => {
      const handle = share.handle(Number(releaseIn.fh), false);
      if (typeof handle === 'number') return handle;
      handles.close(handle);
      return 0;
    }),
    [FUSE_FLUSH]: operation(FuseFlushIn, undefined, () => {
      const handle = share.handle(Number(flushIn.fh), false);
      return typeof handle === 'number' ? handle : host.flush(handle.fd);
    }),
    [FUSE_FSYNC]: operation(FuseFsyncIn, undefined, () => sync(false)),
    [FUSE_FSYNCDIR]: operation(FuseFsyncIn, undefined, () => sync(true)),
    [FUSE_FALLOCATE]: operation(
      FuseFallocateIn,
      undefined,
      () => {
        const { fh, mode } = fallocateIn;
        const handle = share.handle(Number(fh), false);
        if (typeof handle === 'number') return handle;
        const [offset, length] = [Number(fallocateIn.offset), Number(fallocateIn.length)];
        if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length)) return -EINVAL;
        return allocations.has(mode) ? host.allocate(handle.fd, mode, offset, length) : -EOPNOTSUPP;
      },
      changes,
    ),
    [FUSE_LSEEK]: operation(FuseLseekIn, FuseLseekOut, () => {
      const handle = share.handle(Number(lseekIn.fh), false);
      if (typeof handle === 'number') return handle;
      const [offset, whence] = [Number(lseekIn.offset), lseekIn.whence];
      // The other ways are the guest's own.
      if (!Number.isSafeInteger(offset) || (whence !== SEEK_DATA && whence !== SEEK_HOLE)) return -EINVAL;
      const found = host.seek(handle.fd, offset, whence);
      if (found < 0) return found;
      lseekOut.offset = BigInt(found);
      return FuseLseekOut.size;
    }),
  };
}
