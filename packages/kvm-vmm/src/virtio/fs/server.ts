import { constants } from 'node:os';
import {
  FUSE_ASYNC_READ,
  FUSE_AUTO_INVAL_DATA,
  FUSE_BATCH_FORGET,
  FUSE_BIG_WRITES,
  FUSE_CACHE_SYMLINKS,
  FUSE_DESTROY,
  FUSE_DIRECT_IO_ALLOW_MMAP,
  FUSE_DO_READDIRPLUS,
  FUSE_FORGET,
  FUSE_HANDLE_KILLPRIV_V2,
  FUSE_INIT,
  FUSE_INIT_EXT,
  FUSE_INTERRUPT,
  FUSE_KERNEL_MINOR_VERSION,
  FUSE_KERNEL_VERSION,
  FUSE_MAX_PAGES,
  FUSE_PARALLEL_DIROPS,
  FUSE_READ,
  FUSE_READDIRPLUS_AUTO,
} from '../../abi/fuse/constants.js';
import {
  FuseBatchForgetIn,
  FuseForgetIn,
  FuseForgetOne,
  FuseInitIn,
  FuseInitOut,
  FuseInterruptIn,
} from '../../abi/fuse/structs.js';
import type { Chain } from '../chain.js';
import { attributeOperations } from './attribute-operations.js';
import { fileOperations } from './file-operations.js';
import { folderOperations } from './folder-operations.js';
import type { ShareOrder } from './fs-order.js';
import { type Host, numberAt } from './host.js';
import { answerStart, Message, requestStart } from './message.js';
import { nameOperations } from './name-operations.js';
import { type Operation, type Operations, operation } from './operation.js';
import { Share } from './share.js';
import { type FsMemory, Vectors } from './vectors.js';

const { EINVAL, ENOSYS, EPROTO, EROFS } = constants.errno;

/** Bytes that a guest may write at once, and the pages that they are. */
const mostWrite = 2 ** 20;
const mostPages = mostWrite / 4096;

/** Bytes of INIT that every kernel sends: versions, read-ahead, flags. */
const initSize = 16;

const alwaysFlags =
  FUSE_ASYNC_READ |
  FUSE_BIG_WRITES |
  FUSE_DO_READDIRPLUS |
  FUSE_READDIRPLUS_AUTO |
  FUSE_PARALLEL_DIROPS |
  FUSE_MAX_PAGES |
  FUSE_HANDLE_KILLPRIV_V2 |
  FUSE_INIT_EXT;
/** Those of each way to cache. */
const cacheFlags = { none: 0, auto: FUSE_AUTO_INVAL_DATA, always: FUSE_CACHE_SYMLINKS } as const;
/** Those from bit 32 on: a file may be mapped though the guest does not cache it. */
const highFlags = Number(FUSE_DIRECT_IO_ALLOW_MMAP >> 32n);

const silent = { isSilent: true } as const;

/** What a chain is that is no request: the driver has broken the rules. */
export const notARequest = -1;

/**
 * A FUSE server: it answers the requests of a guest's kernel about a folder of the host. Whatever they say, it touches
 * nothing outside that folder: a file is known by a number that the guest was given, and a name is one component.
 */
export class FuseServer {
  readonly #share: Share;
  readonly #message: Message;
  readonly #operations: Operations;
  readonly #initIn: FuseInitIn;
  readonly #initOut: FuseInitOut;

  constructor(host: Host, order: ShareOrder, memory: FsMemory) {
    this.#message = new Message(host);
    this.#share = new Share(host, this.#message, order);
    this.#initIn = new FuseInitIn(this.#message.source);
    this.#initOut = new FuseInitOut(this.#message.answerSource());
    this.#operations = {
      ...nameOperations(this.#share),
      ...fileOperations(this.#share, new Vectors(host, memory)),
      ...folderOperations(this.#share),
      ...attributeOperations(this.#share),
      ...this.#sessionOperations(),
    };
  }

  /** Does what a chain asks for, and puts the answer into it. Returns how many bytes it has, or `notARequest`. */
  serve(chain: Chain): number {
    const message = this.#message;
    if (!message.read(chain)) return notARequest;
    const each = this.#operations[message.header.opcode];
    if (each?.isSilent === true) {
      if (message.isWhole(chain, true)) {
        message.readArguments(chain, each.hasData ? each.takes : message.bytes.length);
        if (message.length >= each.takes) each.run(chain);
      }
      return 0;
    }
    if (message.room < 0) return notARequest;
    return this.#answer(chain, each === undefined ? -ENOSYS : this.#run(chain, each));
  }

  /** Forgets all that the guest knows: the next one begins anew. */
  clear(): void {
    this.#share.clear();
  }

  #run(chain: Chain, each: Operation): number {
    const message = this.#message;
    if (!message.isWhole(chain, each.hasData)) return -EINVAL;
    message.readArguments(chain, each.hasData ? each.takes : message.bytes.length);
    if (message.length < each.takes || message.room < each.gives) return -EINVAL;
    if (each.changes && this.#share.isReadOnly) return -EROFS;
    return each.run(chain);
  }

  /** Data that was read from a file is in the chain already. */
  #answer(chain: Chain, result: number): number {
    const { answerHeader, header, answer } = this.#message;
    const length = answerStart + Math.max(0, result);
    answerHeader.len = length;
    answerHeader.error = Math.min(0, result);
    answerHeader.unique = header.unique;
    chain.write(0, answer, 0, header.opcode === FUSE_READ ? answerStart : length);
    return length;
  }

  #sessionOperations(): Operations {
    return {
      [FUSE_INIT]: operation({ size: initSize }, FuseInitOut, () => this.#init()),
      [FUSE_DESTROY]: operation(undefined, undefined, () => {
        this.clear();
        return 0;
      }),
      [FUSE_FORGET]: operation(FuseForgetIn, undefined, () => this.#forget(), silent),
      [FUSE_BATCH_FORGET]: operation(FuseBatchForgetIn, undefined, (chain) => this.#forgetMany(chain), {
        ...silent,
        hasData: true,
      }),
      // A request is over before the next one is looked at.
      [FUSE_INTERRUPT]: operation(FuseInterruptIn, undefined, () => 0, silent),
    };
  }

  #init(): number {
    const { major, minor, maxReadahead, flags } = this.#initIn;
    if (major < FUSE_KERNEL_VERSION) return -EPROTO;
    this.clear();
    const out = this.#initOut;
    out.bytes.fill(0);
    out.major = FUSE_KERNEL_VERSION;
    out.minor = Math.min(minor, FUSE_KERNEL_MINOR_VERSION);
    out.maxReadahead = maxReadahead;
    out.flags = (flags & (alwaysFlags | cacheFlags[this.#share.cache])) >>> 0;
    const hasHighFlags = (flags & FUSE_INIT_EXT) !== 0 && this.#message.length >= initSize + 4;
    out.flags2 = hasHighFlags ? (this.#initIn.flags2 & highFlags) >>> 0 : 0;
    out.maxWrite = mostWrite;
    out.maxPages = mostPages;
    out.timeGran = 1;
    return FuseInitOut.size;
  }

  #forget(): number {
    this.#share.inodes.forget(this.#share.nodeid, numberAt(this.#message.view, requestStart));
    return 0;
  }

  #forgetMany(chain: Chain): number {
    const { view, bytes } = this.#message;
    const start = requestStart + FuseBatchForgetIn.size;
    let left = view.getUint32(requestStart, true);
    for (let at = start; left > 0 && at + FuseForgetOne.size <= chain.readableLength; left--) {
      chain.readInto(at, bytes, requestStart, FuseForgetOne.size);
      this.#share.inodes.forget(numberAt(view, requestStart), numberAt(view, requestStart + 8));
      at += FuseForgetOne.size;
    }
    return 0;
  }
}
