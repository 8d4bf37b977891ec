import { GuestMemory } from '@kvm/core';
import { selectBackend } from '@kvm/core/backend';
import type { Struct, StructInit, StructType } from '@kvm/core/struct';
import * as abi from '../src/abi/fuse/index.js';
import type { ShareOptions } from '../src/machine/document.js';
import { GuestDma } from '../src/memory/guest-dma.js';
import { Chain } from '../src/virtio/chain.js';
import { Host } from '../src/virtio/fs/host.js';
import { openShare } from '../src/virtio/fs/open-share.js';
import { FuseServer } from '../src/virtio/fs/server.js';

const memorySize = 2 ** 22;
/** Where a request lies, and the room for its answer. */
const at = { request: 0x1000, answer: 0x20_0000 };

/** What a request is answered with: an error, or bytes behind the header. */
export interface Answer {
  readonly error: number;
  readonly bytes: Uint8Array;
}

export interface ClientOptions extends Partial<Omit<ShareOptions, 'path'>> {
  /** Limits of its tables. */
  inodes?: number;
  handles?: number;
  /** Bytes of the pieces that requests and answers are cut into. */
  piece?: number;
  windowSize?: number;
}

/** The kernel of a guest, as a server of FUSE sees it. */
export class FuseClient {
  readonly server: FuseServer;
  readonly bytes: Uint8Array;
  readonly #chain: Chain;
  readonly #piece: number;
  readonly #close: () => void;
  uid = 0;
  gid = 0;
  #unique = 0n;

  constructor(path: string, options: ClientOptions = {}) {
    const { piece = memorySize, windowSize = memorySize, inodes, handles, ...rest } = options;
    const buffer = new SharedArrayBuffer(memorySize);
    const backend = selectBackend();
    const windows = Array.from(
      { length: memorySize / windowSize },
      (_, i) => new Uint8Array(buffer, i * windowSize, windowSize),
    );
    const memory = GuestMemory.from({
      size: memorySize,
      windowSize,
      windows,
      backing: 'anonymous',
      backend: backend.name,
    });
    const share = openShare({ path, tag: 'tag', readOnly: false, cache: 'auto', ids: 'host', ...rest }, 1);
    const host = new Host(backend);
    this.bytes = new Uint8Array(buffer);
    this.server = new FuseServer(
      host,
      { ...share.order, inodes: inodes ?? share.order.inodes, handles: handles ?? share.order.handles },
      memory,
    );
    this.#chain = new Chain(new GuestDma(memory));
    this.#piece = piece;
    this.#close = () => {
      this.server.clear();
      host.close();
      share.close();
    };
  }

  close(): void {
    this.#close();
  }

  /** Makes any request; undefined if it is no request, or has no answer. */
  raw(request: Uint8Array, room: number): Answer | undefined {
    this.bytes.set(request, at.request);
    this.bytes.fill(0xa5, at.answer, at.answer + room + 8);
    this.#chain.begin();
    this.#add(at.request, request.length, false);
    this.#add(at.answer, room, true);
    this.#chain.end(0, 1);
    const written = this.server.serve(this.#chain);
    if (written <= 0) return undefined;
    if (written > room) throw new Error('the answer is longer than the room');
    const all = this.bytes.slice(at.answer, at.answer + room + 8);
    const header = abi.FuseOutHeader.at(all);
    if (header.len !== written) throw new Error(`${header.len} bytes are not ${written}`);
    if (all.subarray(written).some((byte) => byte !== 0xa5)) throw new Error('there are bytes behind the answer');
    return { error: header.error, bytes: all.subarray(abi.FuseOutHeader.size, written) };
  }

  /** Makes a request of arguments: a struct, and texts or bytes behind it. */
  call(opcode: number, nodeid: bigint, parts: readonly (Uint8Array | string)[] = [], room = 4096): Answer {
    const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(`${part}\0`) : part)));
    const header = abi.FuseInHeader.from({
      len: abi.FuseInHeader.size + body.length,
      opcode,
      nodeid,
      unique: ++this.#unique,
      uid: this.uid,
      gid: this.gid,
    });
    const answer = this.raw(Buffer.concat([header.bytes, body]), room);
    return answer ?? { error: Number.NaN, bytes: new Uint8Array() };
  }

  /** The same with a struct as the answer; throws what is an error. */
  ask<T extends Struct>(
    opcode: number,
    nodeid: bigint,
    parts: readonly (Uint8Array | string)[],
    answer: StructType<T>,
  ): T {
    const { error, bytes } = this.call(opcode, nodeid, parts);
    if (error !== 0) throw new FuseError(error);
    const { buffer, byteOffset } = bytes.slice();
    return new answer({ buffer, byteOffset });
  }

  init(init: StructInit<abi.FuseInitIn> = {}): abi.FuseInitOut {
    const flags = 0xffff_ffff;
    const given = abi.FuseInitIn.from({ major: 7, minor: 38, maxReadahead: 2 ** 17, flags, flags2: flags, ...init });
    return this.ask(abi.FUSE_INIT, 0n, [given.bytes], abi.FuseInitOut);
  }

  lookup(name: string, parent = 1n): abi.FuseEntryOut {
    return this.ask(abi.FUSE_LOOKUP, parent, [name], abi.FuseEntryOut);
  }

  /** Follows names from the root on. */
  find(path: string): bigint {
    let id = 1n;
    for (const name of path.split('/')) id = this.lookup(name, id).nodeid;
    return id;
  }

  open(id: bigint, flags = 0): bigint {
    return this.ask(abi.FUSE_OPEN, id, [abi.FuseOpenIn.from({ flags }).bytes], abi.FuseOpenOut).fh;
  }

  read(id: bigint, fh: bigint, offset: bigint, size: number): Answer {
    const given = abi.FuseReadIn.from({ fh, offset, size });
    return this.call(abi.FUSE_READ, id, [given.bytes], size + abi.FuseOutHeader.size);
  }

  write(id: bigint, fh: bigint, offset: bigint, data: Uint8Array, writeFlags = 0): Answer {
    const given = abi.FuseWriteIn.from({ fh, offset, size: data.length, writeFlags });
    return this.call(abi.FUSE_WRITE, id, [given.bytes, data]);
  }

  /** All entries of a folder, by as many requests as it takes. */
  list(id: bigint, { isPlus = false, size = 512 } = {}): Entry[] {
    const fh = this.ask(abi.FUSE_OPENDIR, id, [new abi.FuseOpenIn().bytes], abi.FuseOpenOut).fh;
    const all: Entry[] = [];
    for (let offset = 0n; ; offset = all.at(-1)?.offset ?? 0n) {
      const some = this.entries(id, fh, offset, isPlus, size);
      if (some.length === 0) break;
      all.push(...some);
    }
    this.call(abi.FUSE_RELEASEDIR, id, [abi.FuseReleaseIn.from({ fh }).bytes]);
    return all;
  }

  entries(id: bigint, fh: bigint, offset: bigint, isPlus: boolean, size: number): Entry[] {
    const given = abi.FuseReadIn.from({ fh, offset, size });
    const opcode = isPlus ? abi.FUSE_READDIRPLUS : abi.FUSE_READDIR;
    const { error, bytes } = this.call(opcode, id, [given.bytes], size + abi.FuseOutHeader.size);
    if (error !== 0) throw new FuseError(error);
    const all: Entry[] = [];
    const head = isPlus ? abi.FuseEntryOut.size : 0;
    for (let start = 0; start < bytes.length; ) {
      const view = new DataView(bytes.buffer, bytes.byteOffset + start + head);
      const length = view.getUint32(16, true);
      const entry = isPlus ? abi.FuseEntryOut.at(bytes.slice(start, start + head)) : undefined;
      all.push({
        name: Buffer.from(bytes.subarray(start + head + 24, start + head + 24 + length)).toString(),
        offset: view.getBigUint64(8, true),
        type: view.getUint32(20, true),
        entry,
      });
      start += Math.ceil((head + 24 + length) / 8) * 8;
    }
    return all;
  }

  #add(address: number, length: number, isWritable: boolean): void {
    for (let done = 0; done < length; ) {
      const part = Math.min(this.#piece, length - done);
      this.#chain.add(address + done, part, isWritable);
      done += part;
    }
  }
}

export interface Entry {
  readonly name: string;
  readonly offset: bigint;
  readonly type: number;
  readonly entry: abi.FuseEntryOut | undefined;
}

export class FuseError extends Error {
  readonly errno: number;

  constructor(error: number) {
    super(`error ${error}`);
    this.errno = -error;
  }
}
