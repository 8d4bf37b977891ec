import { constants as flags } from 'node:fs';
import { constants } from 'node:os';
import {
  FUSE_NAME_OFFSET,
  FUSE_OPENDIR,
  FUSE_READDIR,
  FUSE_READDIRPLUS,
  FUSE_RELEASEDIR,
  FUSE_STATFS,
} from '../../abi/fuse/constants.js';
import {
  FuseDirent,
  FuseEntryOut,
  FuseOpenIn,
  FuseOpenOut,
  FuseReadIn,
  FuseReleaseIn,
  FuseStatfsOut,
} from '../../abi/fuse/structs.js';
import { folderFlags } from './file-operations.js';
import { FolderStream } from './folder-stream.js';
import { NAME_MAX, O_PATH } from './linux.js';
import { answerStart, placeIn } from './message.js';
import { type Operations, operation } from './operation.js';
import type { Share } from './share.js';

const { EINVAL, ENFILE } = constants.errno;

/** The places in an entry. */
const at = {
  inode: placeIn(FuseDirent, 'ino'),
  offset: placeIn(FuseDirent, 'off'),
  nameLength: placeIn(FuseDirent, 'namelen'),
  type: placeIn(FuseDirent, 'type'),
  name: FUSE_NAME_OFFSET,
};
const alignment = 8;

/** The requests about open folders, and the one about the file system. */
export function folderOperations(share: Share): Operations {
  const { message, host, handles } = share;
  const readIn = new FuseReadIn(message.source);
  const releaseIn = new FuseReleaseIn(message.source);
  const openOut = new FuseOpenOut(message.answerSource());
  const { st } = new FuseStatfsOut(message.answerSource());

  const open = (): number => {
    const inode = share.folder();
    if (typeof inode === 'number') return inode;
    if (handles.isFull) return -ENFILE;
    const fd = host.reopen(inode.fd, flags.O_RDONLY | flags.O_DIRECTORY);
    if (fd < 0) return fd;
    openOut.fh = BigInt(handles.add(inode.id, fd, new FolderStream(host, fd)));
    openOut.openFlags = folderFlags[share.cache];
    openOut.backingId = 0;
    return FuseOpenOut.size;
  };

  /** Puts entries down, with what LOOKUP would say of them if wanted, as many as there is room for. */
  const read = (isPlus: boolean): number => {
    const handle = share.handle(Number(readIn.fh), true);
    if (typeof handle === 'number') return handle;
    const stream = handle.stream as FolderStream;
    const found = stream.seek(Number(readIn.offset));
    if (found <= 0) return found;
    const room = Math.min(message.room, readIn.size);
    const head = isPlus ? FuseEntryOut.size : 0;
    let length = 0;
    for (; stream.hasEntry; stream.next()) {
      const size = align(head + at.name + stream.nameLength);
      if (length + size > room) break;
      message.answer.fill(0, answerStart + length, answerStart + length + size);
      if (isPlus && !stream.isDots) lookUp(handle.fd, stream, length);
      put(stream, answerStart + length + head);
      length += size;
    }
    // Nothing would mean that there are no more.
    return length === 0 && stream.hasEntry ? -EINVAL : length;
  };

  /** An entry that cannot be found stays without a number: the guest looks it up by itself. */
  const lookUp = (dir: number, stream: FolderStream, skip: number): void => {
    const entry = new FuseEntryOut(message.answerSource(skip));
    if (share.enterFile(host.open(dir, stream.nameAddress, O_PATH | flags.O_NOFOLLOW), entry) < 0) entry.bytes.fill(0);
  };

  const put = (stream: FolderStream, offset: number): void => {
    const view = message.answerView;
    view.setBigUint64(offset + at.inode, stream.inode, true);
    view.setBigUint64(offset + at.offset, BigInt(stream.after), true);
    view.setUint32(offset + at.nameLength, stream.nameLength, true);
    view.setUint32(offset + at.type, stream.type, true);
    stream.copyName(message.answer, offset + at.name);
  };

  return {
    [FUSE_OPENDIR]: operation(FuseOpenIn, FuseOpenOut, open),
    [FUSE_READDIR]: operation(FuseReadIn, undefined, () => read(false)),
    [FUSE_READDIRPLUS]: operation(FuseReadIn, undefined, () => read(true)),
    [FUSE_RELEASEDIR]: operation(FuseReleaseIn, undefined, () => {
      const handle = share.handle(Number(releaseIn.fh), true);
      if (typeof handle === 'number') return handle;
      handles.close(handle);
      return 0;
    }),
    [FUSE_STATFS]: operation(undefined, FuseStatfsOut, () => {
      const inode = share.inode();
      if (typeof inode === 'number') return inode;
      const stats = host.statfs(inode.fd);
      if (typeof stats === 'number') return stats;
      st.bytes.fill(0);
      st.blocks = BigInt(stats.blocks);
      st.bfree = BigInt(stats.bfree);
      st.bavail = BigInt(stats.bavail);
      st.files = BigInt(stats.files);
      st.ffree = BigInt(stats.ffree);
      st.bsize = Number(stats.bsize);
      st.frsize = Number(stats.bsize);
      st.namelen = NAME_MAX;
      return FuseStatfsOut.size;
    }),
  };
}

function align(length: number): number {
  return Math.ceil(length / alignment) * alignment;
}
