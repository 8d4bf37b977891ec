/** Bytes of a sector, the unit in which virtio counts, whatever the blocks of a disk are. */
export const sectorSize = 512;

/**
 * What a disk is stored in. All calls block their thread until they are done, and throw if they cannot be: an error of
 * the host, never one of the guest. The caller has checked that a range lies within `size`.
 *
 * Buffers are given as in `fs.readSync`: an array and a range of it, so that a call allocates nothing. The array may be
 * the guest's memory, which other threads change at any time.
 */
export interface Storage {
  /** Bytes, whole sectors. */
  readonly size: number;
  readonly isReadOnly: boolean;
  /** The smallest piece in bytes that is written without reading what is around it; a power of two. */
  readonly blockSize: number;
  /** Fills `length` bytes of an array from `offset` on with those of the disk from `position` on. */
  read(into: Uint8Array, offset: number, length: number, position: number): void;
  write(from: Uint8Array, offset: number, length: number, position: number): void;
  /** Returns when all that was written survives a loss of power. */
  flush(): void;
  /** The content is needed no more. What it is from then on is not defined: old data, or zeros. */
  discard(position: number, length: number): void;
  /** @param mayUnmap whether the disk may give the room back. */
  writeZeroes(position: number, length: number, mayUnmap: boolean): void;
  /** Makes what was written durable, and ends what the storage has started. Descriptors belong to who opened them. */
  close(): void;
}
