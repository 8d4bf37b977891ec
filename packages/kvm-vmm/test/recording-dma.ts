import type { Dma } from '../src/virtio/dma.js';

/** Guest memory that knows what was done to it, and that changes as if other processors wrote into it meanwhile. */
export interface RecordingDma extends Dma {
  /** Counts the reads at each offset, of its 16 or 32 bits. */
  readonly reads: Map<number, number>;
  /** Each byte that was written. */
  readonly written: Set<number>;
}

export interface Recording {
  /** Addresses from here on are no memory. */
  readonly end?: number;
  /** Called before each read. */
  readonly beforeRead?: (offset: number) => void;
}

export function recordingDma(dma: Dma, { end = Number.POSITIVE_INFINITY, beforeRead }: Recording = {}): RecordingDma {
  const reads = new Map<number, number>();
  const written = new Set<number>();
  const read = (offset: number): void => {
    beforeRead?.(offset);
    reads.set(offset, (reads.get(offset) ?? 0) + 1);
  };
  const write = (offset: number, length: number): void => {
    for (let i = 0; i < length; i++) written.add(offset + i);
  };
  return {
    reads,
    written,
    offsetOf: (address, length) => (address + length <= end ? dma.offsetOf(address, length) : undefined),
    contiguous: (offset) => dma.contiguous(offset),
    load16: (offset) => {
      read(offset);
      return dma.load16(offset);
    },
    store16: (offset, value) => {
      write(offset, 2);
      dma.store16(offset, value);
    },
    read32: (offset) => {
      read(offset);
      return dma.read32(offset);
    },
    write32: (offset, value) => {
      write(offset, 4);
      dma.write32(offset, value);
    },
    copyOut: (offset, into, at, length) => dma.copyOut(offset, into, at, length),
    copyIn: (offset, from, at, length) => {
      write(offset, length);
      dma.copyIn(offset, from, at, length);
    },
    view: (offset, length) => dma.view(offset, length),
  };
}
