import { KVM_EXIT_IO_OUT, KvmRunIo } from '../abi/x86/index.js';
import { integer } from '../struct/check.js';
import type { RunState } from './run-state.js';

/** Port I/O, with its data: `count` elements of `size` bytes each, one after the other. */
export class IoAccess extends KvmRunIo {
  readonly #state: RunState;
  /** The views of `data` so far, by length: an access of one element makes no new one after the first. */
  readonly #data: (Uint8Array | undefined)[] = [];
  #dataOffset = -1;

  constructor(state: RunState) {
    const { buffer, byteOffset, byteLength } = state.run.io.bytes;
    super({ buffer, byteOffset, byteLength });
    this.#state = state;
  }

  /** Whether the guest writes: an `out`, and not an `in`. */
  get isWrite(): boolean {
    return this.direction === KVM_EXIT_IO_OUT;
  }

  /** All elements, in the mapped page: what an `out` wrote, or what an `in` is going to read. */
  get data(): Uint8Array {
    const offset = Number(this.dataOffset);
    const length = this.size * this.count;
    if (offset !== this.#dataOffset) {
      this.#data.length = 0;
      this.#dataOffset = offset;
    }
    const known = this.#data[length];
    if (known !== undefined) return known;
    const data = this.#state.bytes.subarray(offset, offset + length);
    if (length <= 4) this.#data[length] = data;
    return data;
  }

  /** The first element, which for all but string instructions is the only one. */
  get value(): number {
    return this.element(0);
  }

  set value(value: number) {
    this.setElement(0, value);
  }

  /** One of the `count` elements. */
  element(index: number): number {
    const { data, size } = this;
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = value * 256 + (data[index * size + i] ?? 0);
    return value;
  }

  /** What the guest reads as one of the `count` elements; it must fit `size` bytes. */
  setElement(index: number, value: number): void {
    const { data, size } = this;
    integer(index, 0, this.count - 1, 'the index of an element');
    integer(value, 0, 2 ** (8 * size) - 1, 'what a guest reads from a port');
    for (let i = 0; i < size; i++) data[index * size + i] = value >>> (8 * i);
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), data: Array.from(this.data) };
  }
}
