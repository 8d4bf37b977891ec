import type { Dma } from '../src/virtio/dma.js';

/** Guest memory for tests without KVM: bytes from address 0 on. */
export class PlainDma implements Dma {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.#view = new DataView(this.bytes.buffer);
  }

  offsetOf(guestPhysAddr: number, length: number): number | undefined {
    return guestPhysAddr >= 0 && guestPhysAddr + length <= this.bytes.length ? guestPhysAddr : undefined;
  }

  contiguous(offset: number): number {
    return this.bytes.length - offset;
  }

  load16(offset: number): number {
    return this.#view.getUint16(offset, true);
  }

  store16(offset: number, value: number): void {
    this.#view.setUint16(offset, value, true);
  }

  read32(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  write32(offset: number, value: number): void {
    this.#view.setUint32(offset, value, true);
  }

  copyOut(offset: number, into: Uint8Array, at: number, length: number): void {
    into.set(this.view(offset, length), at);
  }

  copyIn(offset: number, from: Uint8Array, at: number, length: number): void {
    this.bytes.set(from.subarray(at, at + length), offset);
  }

  view(offset: number, length: number): Uint8Array {
    return this.bytes.subarray(offset, offset + length);
  }
}
