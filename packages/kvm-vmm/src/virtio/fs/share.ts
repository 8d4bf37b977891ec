import { type BigIntStats, constants as flags } from 'node:fs';
import { constants } from 'node:os';
import { type FuseAttr, FuseAttrOut, FuseEntryOut, FuseInHeader } from '../../abi/fuse/structs.js';
import type { ShareOrder } from './fs-order.js';
import { type Handle, Handles } from './handles.js';
import { type Address, type Host, numberAt } from './host.js';
import { type IdTable, idTables } from './ids.js';
import { type Inode, Inodes } from './inodes.js';
import { O_PATH } from './linux.js';
import { type Message, placeIn } from './message.js';

const { EBADF, ENFILE, ENOTDIR, EPERM, ESTALE } = constants.errno;

/** Seconds for which the guest need not ask again. */
const trust = { none: 0n, auto: 1n, always: 86_400n } as const;

const billion = 1_000_000_000n;
/** The bits of a file's mode that are no permissions. */
const setIds = 0o6000;

/** The header's field with the file that a request is about. */
const nodeidPlace = placeIn(FuseInHeader, 'nodeid');

/** What all operations on a shared folder have in common. */
export class Share {
  readonly host: Host;
  readonly message: Message;
  readonly inodes: Inodes;
  readonly handles: Handles;
  readonly uids: IdTable;
  readonly gids: IdTable;
  readonly cache: ShareOrder['cache'];
  readonly isReadOnly: boolean;
  readonly #isSquashed: boolean;
  readonly #entry: FuseEntryOut;
  readonly #attributes: FuseAttrOut;

  constructor(host: Host, message: Message, { root, inodes, handles, ids, cache, readOnly }: ShareOrder) {
    this.host = host;
    this.message = message;
    this.inodes = new Inodes(host, root, inodes);
    this.handles = new Handles(host, handles);
    this.cache = cache;
    this.isReadOnly = readOnly;
    this.#isSquashed = ids === 'squash';
    ({ uids: this.uids, gids: this.gids } = idTables(ids));
    this.#entry = new FuseEntryOut(message.answerSource());
    this.#attributes = new FuseAttrOut(message.answerSource());
  }

  /** The number of the file that the request is about. */
  get nodeid(): number {
    return numberAt(this.message.view, nodeidPlace);
  }

  /** The file that the request is about, or -errno. */
  inode(): Inode | number {
    return this.inodes.get(this.nodeid) ?? -ESTALE;
  }

  /** The folder that has a number, or -errno. */
  folder(id: number = this.nodeid): Inode | number {
    const inode = this.inodes.get(id);
    if (inode === undefined) return -ESTALE;
    return inode.kind === 'folder' ? inode : -ENOTDIR;
  }

  /** The handle with a number, of the file that the request is about and of the kind that is wanted; or -errno. */
  handle(id: number, isFolder: boolean): Handle | number {
    const handle = this.handles.get(id, this.nodeid);
    return handle === undefined || (handle.stream !== undefined) !== isFolder ? -EBADF : handle;
  }

  /** Tells the guest of what has a name in a folder. Returns how many bytes the answer has, or -errno. */
  enter(dir: number, name: Address): number {
    return this.enterFile(this.host.open(dir, name, O_PATH | flags.O_NOFOLLOW));
  }

  /** Tells the guest of the file of a descriptor, which belongs to its table from then on. */
  enterFile(fd: number, entry: FuseEntryOut = this.#entry): number {
    const inode = this.take(fd, entry);
    return typeof inode === 'number' ? inode : FuseEntryOut.size;
  }

  /** The same, for more to do with it. */
  take(fd: number, entry: FuseEntryOut = this.#entry): Inode | number {
    if (fd < 0) return fd;
    const stats = this.host.stat(fd);
    if (typeof stats === 'number') {
      this.host.closeFile(fd);
      return stats;
    }
    const inode = this.inodes.take(fd, stats);
    if (typeof inode === 'number') return inode;
    entry.nodeid = BigInt(inode.id);
    entry.generation = 0n;
    entry.entryValid = trust[this.cache];
    entry.entryValidNsec = 0;
    entry.attrValid = trust[this.cache];
    entry.attrValidNsec = 0;
    this.#put(stats, entry.attr);
    return inode;
  }

  /** Answers with the attributes of a file. */
  answerAttributes(fd: number): number {
    const stats = this.host.stat(fd);
    if (typeof stats === 'number') return stats;
    const out = this.#attributes;
    out.attrValid = trust[this.cache];
    out.attrValidNsec = 0;
    out.dummy = 0;
    this.#put(stats, out.attr);
    return FuseAttrOut.size;
  }

  /** Makes something in the name of who has asked for it. */
  make(run: () => number): number {
    // The guest is to be told of it, too.
    if (this.inodes.isFull) return -ENFILE;
    if (this.#isSquashed) return run();
    const uid = this.uids.toHost(this.message.header.uid);
    const gid = this.gids.toHost(this.message.header.gid);
    return uid === undefined || gid === undefined ? -EPERM : this.host.as(uid, gid, run);
  }

  /** A program that others run with their rights is not for those who have changed it. */
  dropSetIds(fd: number): void {
    const stats = this.host.stat(fd);
    if (typeof stats === 'number' || (Number(stats.mode) & setIds) === 0) return;
    this.host.chmod(fd, Number(stats.mode) & 0o7777 & ~setIds);
  }

  /** Forgets all that the guest knows. */
  clear(): void {
    this.handles.clear();
    this.inodes.clear();
  }

  #put(stats: BigIntStats, attr: FuseAttr): void {
    attr.ino = stats.ino;
    attr.size = stats.size;
    attr.blocks = stats.blocks;
    attr.atime = secondsOf(stats.atimeNs);
    attr.mtime = secondsOf(stats.mtimeNs);
    attr.ctime = secondsOf(stats.ctimeNs);
    attr.atimensec = nanosecondsOf(stats.atimeNs);
    attr.mtimensec = nanosecondsOf(stats.mtimeNs);
    attr.ctimensec = nanosecondsOf(stats.ctimeNs);
    attr.mode = Number(stats.mode);
    attr.nlink = Number(BigInt.asUintN(32, stats.nlink));
    attr.uid = this.uids.toGuest(Number(stats.uid));
    attr.gid = this.gids.toGuest(Number(stats.gid));
    attr.rdev = Number(BigInt.asUintN(32, stats.rdev));
    attr.blksize = Number(BigInt.asUintN(32, stats.blksize));
    attr.flags = 0;
  }
}

/** Before 1970 they are negative, in 64 bits. */
function secondsOf(nanoseconds: bigint): bigint {
  return BigInt.asUintN(64, (nanoseconds - modulo(nanoseconds)) / billion);
}

function nanosecondsOf(nanoseconds: bigint): number {
  return Number(modulo(nanoseconds));
}

function modulo(nanoseconds: bigint): bigint {
  return ((nanoseconds % billion) + billion) % billion;
}
