import { PageFlag } from '../../src/arch/x86/index.js';
import type { GuestMemory } from '../../src/index.js';

const pageSize = 4096n;

/** Page tables for long mode, in a guest's memory, which has them at their guest-physical address. */
export class PageTables {
  /** The address of the first table: the value for CR3. */
  readonly root: bigint;
  readonly #view: DataView;
  #free: bigint;

  /** Further tables follow the first. */
  constructor(memory: GuestMemory, root: bigint) {
    this.root = root;
    const { buffer, byteOffset, byteLength } = memory.bytes();
    this.#view = new DataView(buffer, byteOffset, byteLength);
    this.#free = root + pageSize;
  }

  /** Maps a page of 4 KiB. */
  map(virtual: bigint, physical: bigint, flags: bigint = PageFlag.P | PageFlag.Rw): void {
    this.#set(this.entryOf(virtual), physical | flags);
  }

  /** The guest-physical address of the entry for a page of 4 KiB. Creates its tables if needed. */
  entryOf(virtual: bigint): bigint {
    let table = this.root;
    for (const shift of [39n, 30n, 21n]) {
      const entry = table + 8n * ((virtual >> shift) & 0x1ffn);
      if (this.read(entry) === 0n) {
        this.#set(entry, this.#free | PageFlag.P | PageFlag.Rw | user);
        this.#free += pageSize;
      }
      table = this.read(entry) & ~0xfffn;
    }
    return table + 8n * ((virtual >> 12n) & 0x1ffn);
  }

  read(entry: bigint): bigint {
    return this.#view.getBigUint64(Number(entry), true);
  }

  #set(entry: bigint, value: bigint): void {
    this.#view.setBigUint64(Number(entry), value, true);
  }
}

/** Flags of page-table entries: user, accessed, dirty. */
export const user = 1n << 2n;
export const accessed = 1n << 5n;
export const dirty = 1n << 6n;
