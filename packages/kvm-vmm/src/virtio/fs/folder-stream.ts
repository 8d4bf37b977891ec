import { type Address, type Host, stableBytes } from './host.js';

/** Bytes that the kernel is asked for at once. */
const chunkSize = 2 ** 13;
/** `struct linux_dirent64` of getdents(2): inode (8), offset (8), length (2), type (1), and the name. */
const at = { inode: 0, length: 16, type: 18, name: 19 } as const;

/**
 * The entries of an open folder. The guest sees them numbered from 0 on: the kernel's own offsets may have 64 bits. It
 * reads on where it was, or a little before; for another place the folder is read from its start again.
 */
export class FolderStream {
  readonly #host: Host;
  readonly #fd: number;
  readonly #bytes = stableBytes(chunkSize);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #address: Address;
  /** The number of the first entry of the chunk, and how many bytes the chunk has. */
  #first = 0;
  #length = 0;
  /** The entry that comes next: its number, and its place in the chunk. */
  #index = 0;
  #at = 0;

  constructor(host: Host, fd: number) {
    this.#host = host;
    this.#fd = fd;
    this.#address = host.address(this.#bytes);
  }

  /** Goes to an entry. Returns 1, 0 if there are not as many, or -errno. */
  seek(index: number): number {
    if (index < this.#first) {
      const result = this.#host.seek(this.#fd, 0, 0);
      if (result < 0) return result;
      this.#first = 0;
      this.#length = 0;
    }
    this.#index = this.#first;
    this.#at = 0;
    for (;;) {
      if (this.#at >= this.#length) {
        const length = this.#host.readFolder(this.#fd, this.#address, chunkSize);
        if (length <= 0) {
          // Whoever asks for an entry before has the folder read again.
          this.#first = this.#index;
          this.#length = 0;
          return length;
        }
        this.#first = this.#index;
        this.#length = length;
        this.#at = 0;
      }
      if (this.#index >= index) return 1;
      this.next();
    }
  }

  /** Whether there is an entry that was read already. */
  get hasEntry(): boolean {
    return this.#at < this.#length;
  }

  next(): void {
    this.#at += this.#view.getUint16(this.#at + at.length, true);
    this.#index++;
  }

  /** The number that the guest gives to read on behind this entry. */
  get after(): number {
    return this.#index + 1;
  }

  get inode(): bigint {
    return this.#view.getBigUint64(this.#at + at.inode, true);
  }

  get type(): number {
    return this.#view.getUint8(this.#at + at.type);
  }

  get nameAddress(): Address {
    return this.#address + this.#at + at.name;
  }

  get nameLength(): number {
    return this.#bytes.indexOf(0, this.#at + at.name) - (this.#at + at.name);
  }

  /** Whether it is the folder itself, or the one that it is in. */
  get isDots(): boolean {
    const start = this.#at + at.name;
    const length = this.nameLength;
    return this.#bytes[start] === 0x2e && (length === 1 || (length === 2 && this.#bytes[start + 1] === 0x2e));
  }

  copyName(into: Uint8Array, offset: number): void {
    const start = this.#at + at.name;
    into.set(this.#bytes.subarray(start, start + this.nameLength), offset);
  }
}
