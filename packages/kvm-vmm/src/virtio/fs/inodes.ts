import type { BigIntStats } from 'node:fs';
import { constants } from 'node:os';
import { FUSE_ROOT_ID } from '../../abi/fuse/constants.js';
import type { Host } from './host.js';

const { ENFILE } = constants.errno;

export type Kind = 'file' | 'folder' | 'symlink' | 'other';

/** A file that the guest knows. Its descriptor keeps the host from giving its number to another one. */
export interface Inode {
  /** The guest's number for it. */
  readonly id: number;
  /** Only finds (O_PATH). */
  readonly fd: number;
  /** It never changes. */
  readonly kind: Kind;
  readonly key: string;
  /** How often the guest was told of it, and has not forgotten it. */
  lookups: number;
}

/** The files that the guest knows. No number is given twice. */
export class Inodes {
  readonly #host: Host;
  readonly #limit: number;
  readonly #root: Inode;
  readonly #byId = new Map<number, Inode>();
  readonly #byKey = new Map<string, Inode>();
  #last = FUSE_ROOT_ID;

  /** @param root belongs to the caller. */
  constructor(host: Host, root: number, limit: number) {
    const stats = host.stat(root);
    const key = typeof stats === 'number' ? '' : keyOf(stats);
    this.#host = host;
    this.#limit = limit;
    this.#root = { id: FUSE_ROOT_ID, fd: root, kind: 'folder', key, lookups: 0 };
    this.clear();
  }

  get(id: number): Inode | undefined {
    return this.#byId.get(id);
  }

  get isFull(): boolean {
    return this.#byId.size >= this.#limit;
  }

  /** Tells the guest of a file. The descriptor belongs to this object from then on. */
  take(fd: number, stats: BigIntStats): Inode | number {
    const key = keyOf(stats);
    const known = this.#byKey.get(key);
    if (known !== undefined || this.isFull) this.#host.closeFile(fd);
    if (known !== undefined) {
      known.lookups++;
      return known;
    }
    if (this.isFull) return -ENFILE;
    const inode: Inode = { id: ++this.#last, fd, kind: kindOf(stats), key, lookups: 1 };
    this.#byId.set(inode.id, inode);
    this.#byKey.set(key, inode);
    return inode;
  }

  forget(id: number, lookups: number): void {
    const inode = this.#byId.get(id);
    if (inode === undefined || inode === this.#root) return;
    inode.lookups -= lookups;
    if (inode.lookups > 0) return;
    this.#byId.delete(id);
    this.#byKey.delete(inode.key);
    this.#host.closeFile(inode.fd);
  }

  /** Forgets all but the root. */
  clear(): void {
    for (const inode of this.#byId.values()) if (inode !== this.#root) this.#host.closeFile(inode.fd);
    this.#byId.clear();
    this.#byKey.clear();
    this.#byId.set(this.#root.id, this.#root);
    this.#byKey.set(this.#root.key, this.#root);
  }
}

function keyOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}

function kindOf(stats: BigIntStats): Kind {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'folder';
  return stats.isSymbolicLink() ? 'symlink' : 'other';
}
