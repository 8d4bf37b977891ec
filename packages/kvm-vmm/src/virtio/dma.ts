/**
 * Guest memory as devices use it that read and write it themselves, by offsets in the `GuestMemory`. `offsetOf` gives
 * them; the other methods take what lies within such a range, and allocate nothing unless they say so. The guest
 * changes its memory at any time: read each value once.
 */
export interface Dma {
  /** The offset of guest-physical addresses; undefined where the bytes are not all memory. */
  offsetOf(guestPhysAddr: number, length: number): number | undefined;
  /** How many bytes from an offset on are contiguous in this process's memory, too. */
  contiguous(offset: number): number;
  /** Reads 16 bits atomically: what is read later was written later. The offset is even. */
  load16(offset: number): number;
  /** Writes 16 bits atomically: what was written before is seen before. The offset is even. */
  store16(offset: number, value: number): void;
  read32(offset: number): number;
  write32(offset: number, value: number): void;
  /** Copies `length` bytes into `into`, from its byte `at` on. More than a few allocate a view. */
  copyOut(offset: number, into: Uint8Array, at: number, length: number): void;
  /** Copies `length` bytes of `from`, from its byte `at` on, into memory. More than a few allocate a view. */
  copyIn(offset: number, from: Uint8Array, at: number, length: number): void;
  /** Memory itself, if it is contiguous. It allocates the view. */
  view(offset: number, length: number): Uint8Array;
}
