import type { FolderStream } from './folder-stream.js';
import type { Host } from './host.js';

/** A file or a folder that the guest has open. */
export interface Handle {
  readonly id: number;
  /** The guest's number of the file. */
  readonly inode: number;
  readonly fd: number;
  /** Of a folder. */
  readonly stream: FolderStream | undefined;
}

/** What the guest has open. No number is given twice. */
export class Handles {
  readonly #host: Host;
  readonly #limit: number;
  readonly #handles = new Map<number, Handle>();
  #last = 0;

  constructor(host: Host, limit: number) {
    this.#host = host;
    this.#limit = limit;
  }

  get isFull(): boolean {
    return this.#handles.size >= this.#limit;
  }

  /** The descriptor belongs to this object from then on. Returns the number of the handle. */
  add(inode: number, fd: number, stream?: FolderStream): number {
    const id = ++this.#last;
    this.#handles.set(id, { id, inode, fd, stream });
    return id;
  }

  /** Undefined if a file has no such handle. */
  get(id: number, inode: number): Handle | undefined {
    const handle = this.#handles.get(id);
    return handle?.inode === inode ? handle : undefined;
  }

  close({ id, fd }: Handle): void {
    this.#handles.delete(id);
    this.#host.closeFile(fd);
  }

  clear(): void {
    for (const handle of this.#handles.values()) this.close(handle);
  }
}
