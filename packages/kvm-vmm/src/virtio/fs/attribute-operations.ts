import { constants as flags } from 'node:fs';
import { constants } from 'node:os';
import {
  FATTR_ATIME,
  FATTR_ATIME_NOW,
  FATTR_FH,
  FATTR_GID,
  FATTR_KILL_SUIDGID,
  FATTR_MODE,
  FATTR_MTIME,
  FATTR_MTIME_NOW,
  FATTR_SIZE,
  FATTR_UID,
  FUSE_COMPAT_SETXATTR_IN_SIZE,
  FUSE_GETATTR,
  FUSE_GETXATTR,
  FUSE_LISTXATTR,
  FUSE_REMOVEXATTR,
  FUSE_SETATTR,
  FUSE_SETXATTR,
} from '../../abi/fuse/constants.js';
import {
  FuseAttrOut,
  FuseGetattrIn,
  FuseGetxattrIn,
  FuseGetxattrOut,
  FuseSetattrIn,
  FuseSetxattrIn,
} from '../../abi/fuse/structs.js';
import type { Time } from './host.js';
import type { Inode } from './inodes.js';
import { XATTR_CREATE, XATTR_REPLACE, XATTR_SIZE_MAX } from './linux.js';
import { answerStart, requestStart } from './message.js';
import { isUserAttribute } from './names.js';
import { changes, type Operations, operation } from './operation.js';
import type { Share } from './share.js';

const { EINVAL, ENAMETOOLONG, EOPNOTSUPP, EPERM, ERANGE } = constants.errno;

const billion = 1_000_000_000;
const longestName = 255;

/** The requests about what files have beside their data. */
export function attributeOperations(share: Share): Operations {
  const { message, host } = share;
  const setattrIn = new FuseSetattrIn(message.source);
  const getxattrIn = new FuseGetxattrIn(message.source);
  const getxattrOut = new FuseGetxattrOut(message.answerSource());
  const setxattrIn = new FuseSetxattrIn(message.source);

  const getattr = (): number => {
    const inode = share.inode();
    return typeof inode === 'number' ? inode : share.answerAttributes(inode.fd);
  };

  /** Does what is asked, one after the other. What was done stays done if something else fails. */
  const setattr = (): number => {
    const inode = share.inode();
    if (typeof inode === 'number') return inode;
    for (const set of [setOwner, setMode, setSize, setTimes]) {
      const result = set(inode, setattrIn.valid);
      if (result < 0) return result;
    }
    return share.answerAttributes(inode.fd);
  };

  /** It takes bits of the mode away, so it comes before that. */
  const setOwner = ({ fd }: Inode, valid: number): number => {
    const [hasUid, hasGid] = [(valid & FATTR_UID) !== 0, (valid & FATTR_GID) !== 0];
    if (!hasUid && !hasGid) return 0;
    const uid = hasUid ? share.uids.toHost(setattrIn.uid) : undefined;
    const gid = hasGid ? share.gids.toHost(setattrIn.gid) : undefined;
    if (hasUid !== (uid !== undefined) || hasGid !== (gid !== undefined)) return -EPERM;
    return host.chown(fd, uid, gid);
  };

  const setMode = ({ fd, kind }: Inode, valid: number): number => {
    if ((valid & FATTR_MODE) === 0) return 0;
    return kind === 'symlink' ? -EOPNOTSUPP : host.chmod(fd, setattrIn.mode & 0o7777);
  };

  const setSize = ({ fd, kind }: Inode, valid: number): number => {
    if ((valid & FATTR_SIZE) === 0) return 0;
    const size = Number(setattrIn.size);
    if (kind !== 'file' || !Number.isSafeInteger(size)) return -EINVAL;
    if ((valid & FATTR_KILL_SUIDGID) !== 0) share.dropSetIds(fd);
    if ((valid & FATTR_FH) !== 0) {
      const handle = share.handle(Number(setattrIn.fh), false);
      return typeof handle === 'number' ? handle : host.truncate(handle.fd, size);
    }
    const writable = host.reopen(fd, flags.O_WRONLY);
    if (writable < 0) return writable;
    const result = host.truncate(writable, size);
    host.closeFile(writable);
    return result;
  };

  const setTimes = ({ fd }: Inode, valid: number): number => {
    const { atime, atimensec, mtime, mtimensec } = setattrIn;
    const access = timeOf(valid, FATTR_ATIME, FATTR_ATIME_NOW, atime, atimensec);
    const change = timeOf(valid, FATTR_MTIME, FATTR_MTIME_NOW, mtime, mtimensec);
    if (access === undefined && change === undefined) return 0;
    return access === null || change === null ? -EINVAL : host.setTimes(fd, access, change);
  };

  /** Does something with the attribute whose name is behind `skip` bytes of arguments. */
  const withAttribute = (skip: number, run: (fd: number, name: number, length: number) => number): number => {
    const inode = share.inode();
    if (typeof inode === 'number') return inode;
    const length = message.textAt(skip);
    if (length < 0) return length;
    if (length > longestName) return -ENAMETOOLONG;
    if (!isUserAttribute(message.bytes, requestStart + skip, length)) return -EOPNOTSUPP;
    return run(inode.fd, message.address(skip), length);
  };

  /** How an answer with `size` bytes looks: they themselves, or their number if the guest asks for that. */
  const answerSized = (wanted: number, size: number): number => {
    if (size < 0) return size;
    if (wanted !== 0) return size > Math.min(wanted, message.room) ? -ERANGE : size;
    if (message.room < FuseGetxattrOut.size) return -EINVAL;
    getxattrOut.size = size;
    getxattrOut.padding = 0;
    return FuseGetxattrOut.size;
  };

  const getAttribute = (): number =>
    withAttribute(FuseGetxattrIn.size, (fd, name) =>
      answerSized(getxattrIn.size, host.getAttribute(fd, name, message.answerAddress, XATTR_SIZE_MAX)),
    );

  const setAttribute = (): number =>
    withAttribute(FUSE_COMPAT_SETXATTR_IN_SIZE, (fd, name, length) => {
      const { size, flags: how } = setxattrIn;
      const value = FUSE_COMPAT_SETXATTR_IN_SIZE + length + 1;
      if (message.length - value !== size || (how & ~(XATTR_CREATE | XATTR_REPLACE)) !== 0) return -EINVAL;
      return host.setAttribute(fd, name, message.address(value), size, how);
    });

  /** Those that the guest may read, which are moved to the front. */
  const listAttributes = (): number => {
    const inode = share.inode();
    if (typeof inode === 'number') return inode;
    const length = host.listAttributes(inode.fd, message.answerAddress, XATTR_SIZE_MAX);
    if (length < 0) return length;
    const names = message.answer.subarray(answerStart, answerStart + length);
    let size = 0;
    for (let start = 0; start < length; ) {
      const end = names.indexOf(0, start) + 1;
      if (end === 0) break;
      if (isUserAttribute(names, start, end - 1 - start)) {
        names.copyWithin(size, start, end);
        size += end - start;
      }
      start = end;
    }
    return answerSized(getxattrIn.size, size);
  };

  return {
    [FUSE_GETATTR]: operation(FuseGetattrIn, FuseAttrOut, getattr),
    [FUSE_SETATTR]: operation(FuseSetattrIn, FuseAttrOut, setattr, changes),
    [FUSE_GETXATTR]: operation(FuseGetxattrIn, undefined, getAttribute),
    [FUSE_LISTXATTR]: operation(FuseGetxattrIn, undefined, listAttributes),
    [FUSE_SETXATTR]: operation({ size: FUSE_COMPAT_SETXATTR_IN_SIZE }, undefined, setAttribute, changes),
    [FUSE_REMOVEXATTR]: operation(
      undefined,
      undefined,
      () => withAttribute(0, (fd, name) => host.removeAttribute(fd, name)),
      changes,
    ),
  };
}

/** Undefined for a time that stays, null for one that cannot be. */
function timeOf(
  valid: number,
  isSet: number,
  isNow: number,
  seconds: bigint,
  nanoseconds: number,
): Time | 'now' | undefined | null {
  if ((valid & isNow) !== 0) return 'now';
  if ((valid & isSet) === 0) return undefined;
  return nanoseconds < billion ? { seconds, nanoseconds } : null;
}
