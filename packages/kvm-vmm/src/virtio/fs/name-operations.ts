import { constants as flags } from 'node:fs';
import { constants } from 'node:os';
import {
  FUSE_CREATE,
  FUSE_LINK,
  FUSE_LOOKUP,
  FUSE_MKDIR,
  FUSE_MKNOD,
  FUSE_READLINK,
  FUSE_RENAME,
  FUSE_RENAME2,
  FUSE_RMDIR,
  FUSE_SYMLINK,
  FUSE_UNLINK,
} from '../../abi/fuse/constants.js';
import {
  FuseCreateIn,
  FuseEntryOut,
  FuseLinkIn,
  FuseMkdirIn,
  FuseMknodIn,
  FuseOpenOut,
  FuseRename2In,
  FuseRenameIn,
} from '../../abi/fuse/structs.js';
import { fileFlags, openFlags } from './file-operations.js';
import { O_PATH, PATH_MAX, RENAME_EXCHANGE, RENAME_NOREPLACE } from './linux.js';
import { changes, type Operations, operation } from './operation.js';
import type { Share } from './share.js';

const { EEXIST, EINVAL, EISDIR, ENFILE, ENXIO, EPERM } = constants.errno;

const permissions = 0o7777;
/** What a guest may make: files and sockets are its own business, devices are those of the host. */
const makeable = new Set<number>([flags.S_IFREG, flags.S_IFIFO, flags.S_IFSOCK]);

/** The requests about names: what is found, made, renamed and removed. */
export function nameOperations(share: Share): Operations {
  const { message, host, inodes, handles } = share;
  const mknodIn = new FuseMknodIn(message.source);
  const mkdirIn = new FuseMkdirIn(message.source);
  const linkIn = new FuseLinkIn(message.source);
  const rename2In = new FuseRename2In(message.source);
  const createIn = new FuseCreateIn(message.source);
  const createdOut = new FuseOpenOut(message.answerSource(FuseEntryOut.size));

  /** Does something with a name in the folder that the request is about. */
  const inFolder = (skip: number, run: (dir: number, name: number, length: number) => number): number => {
    const dir = share.folder();
    if (typeof dir === 'number') return dir;
    const length = message.nameAt(skip);
    return length < 0 ? length : run(dir.fd, message.address(skip), length);
  };

  /** Makes something with a name there, and tells the guest of it. */
  const makeIn = (skip: number, make: (dir: number, name: number, length: number) => number): number =>
    inFolder(skip, (dir, name, length) => {
      const made = share.make(() => make(dir, name, length));
      return made < 0 ? made : share.enter(dir, name);
    });

  const rename = (skip: number, how: number): number =>
    inFolder(skip, (dir, name, length) => {
      const newDir = share.folder(Number(rename2In.newdir));
      if (typeof newDir === 'number') return newDir;
      const newSkip = skip + length + 1;
      const newLength = message.nameAt(newSkip);
      if (newLength < 0) return newLength;
      return host.rename(dir, name, newDir.fd, message.address(newSkip), how);
    });

  const link = (): number => {
    const old = inodes.get(Number(linkIn.oldnodeid));
    if (old === undefined) return -EINVAL;
    if (old.kind === 'folder') return -EPERM;
    return inFolder(FuseLinkIn.size, (dir, name) => {
      if (inodes.isFull) return -ENFILE;
      const made = host.makeLink(old.fd, dir, name);
      return made < 0 ? made : share.enter(dir, name);
    });
  };

  /** A file that the guest finds already is opened as by OPEN: it may be no regular one. */
  const openFound = (dir: number, name: number): number => {
    const inode = share.take(host.open(dir, name, O_PATH | flags.O_NOFOLLOW));
    if (typeof inode === 'number') return inode;
    const fd = inode.kind === 'file' ? host.reopen(inode.fd, fileFlags(createIn.flags)) : refusal(inode.kind);
    if (fd < 0) {
      inodes.forget(inode.id, 1);
      return fd;
    }
    return created(inode.id, fd);
  };

  const created = (inode: number, fd: number): number => {
    createdOut.fh = BigInt(handles.add(inode, fd));
    createdOut.openFlags = openFlags[share.cache];
    createdOut.backingId = 0;
    return FuseEntryOut.size + FuseOpenOut.size;
  };

  const create = (): number =>
    inFolder(FuseCreateIn.size, (dir, name) => {
      const { flags: wanted, mode } = createIn;
      if (fileFlags(wanted) < 0) return fileFlags(wanted);
      if (handles.isFull) return -ENFILE;
      // Only a new file is opened by its name: what has the name already may be a symlink, a pipe or a device.
      const how = fileFlags(wanted) | flags.O_CREAT | flags.O_EXCL | flags.O_NOFOLLOW;
      const fd = share.make(() => host.open(dir, name, how, mode & permissions));
      if (fd === -EEXIST && (wanted & flags.O_EXCL) === 0) return openFound(dir, name);
      if (fd < 0) return fd;
      const inode = share.take(host.reopen(fd, O_PATH));
      if (typeof inode !== 'number') return created(inode.id, fd);
      host.closeFile(fd);
      return inode;
    });

  return {
    [FUSE_LOOKUP]: operation(undefined, FuseEntryOut, () => inFolder(0, (dir, name) => share.enter(dir, name))),
    [FUSE_READLINK]: operation(undefined, undefined, () => {
      const inode = share.inode();
      if (typeof inode === 'number') return inode;
      if (inode.kind !== 'symlink' || message.room <= 0) return -EINVAL;
      return host.readLink(inode.fd, message.answerAddress, Math.min(message.room, PATH_MAX));
    }),
    [FUSE_MKNOD]: operation(
      FuseMknodIn,
      FuseEntryOut,
      () => {
        const { mode } = mknodIn;
        if (!makeable.has(mode & flags.S_IFMT)) return -EPERM;
        return makeIn(FuseMknodIn.size, (dir, name) => host.makeNode(dir, name, mode & (flags.S_IFMT | permissions)));
      },
      changes,
    ),
    [FUSE_MKDIR]: operation(
      FuseMkdirIn,
      FuseEntryOut,
      () => makeIn(FuseMkdirIn.size, (dir, name) => host.makeFolder(dir, name, mkdirIn.mode & permissions)),
      changes,
    ),
    [FUSE_SYMLINK]: operation(
      undefined,
      FuseEntryOut,
      () =>
        makeIn(0, (dir, name, length) => {
          const target = message.textAt(length + 1);
          return target < 0 ? target : host.makeSymlink(dir, name, message.address(length + 1));
        }),
      changes,
    ),
    [FUSE_LINK]: operation(FuseLinkIn, FuseEntryOut, link, changes),
    [FUSE_CREATE]: operation(FuseCreateIn, { size: FuseEntryOut.size + FuseOpenOut.size }, create, changes),
    [FUSE_UNLINK]: operation(
      undefined,
      undefined,
      () => inFolder(0, (dir, name) => host.remove(dir, name, false)),
      changes,
    ),
    [FUSE_RMDIR]: operation(
      undefined,
      undefined,
      () => inFolder(0, (dir, name) => host.remove(dir, name, true)),
      changes,
    ),
    [FUSE_RENAME]: operation(FuseRenameIn, undefined, () => rename(FuseRenameIn.size, 0), changes),
    [FUSE_RENAME2]: operation(
      FuseRename2In,
      undefined,
      () => {
        const how = rename2In.flags;
        return (how & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) === 0 ? rename(FuseRename2In.size, how) : -EINVAL;
      },
      changes,
    ),
  };
}

/** Why something is not opened. */
function refusal(kind: string): number {
  return kind === 'folder' ? -EISDIR : -ENXIO;
}
