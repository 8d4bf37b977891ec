import { KVM_EXIT_IO_OUT, type KvmRun, KvmRunIo } from '../../abi/x86/index.js';
import { integer } from '../../struct/check.js';
import { bytes, hex, type ShowOptions } from '../../struct/inspect.js';
import { noAccess } from '../../vcpu/mmio-access.js';
import type { RunState } from '../../vcpu/run-state.js';

/** Bytes: an `outl` or `inl`. */
const longestElement = 4;

/** Where `dataOffset` lies: read as a bigint, it would make garbage at every exit. No run state has 4 GiB. */
const offsetOfDataOffset = KvmRunIo.from({ dataOffset: 1n }).bytes.indexOf(1);

/** Port I/O, with its data: `count` elements of `size` bytes each, one after the other. */
export class IoAccess extends KvmRunIo {
  /** The pages that the data lies in; a copy of an access has none, and so no data. */
  #pages = new Uint8Array();
  /** The views of `data` so far: those of one element by their length, and of the longer ones the last. */
  readonly #short: (Uint8Array | undefined)[] = [];
  #long: Uint8Array | undefined;
  #dataOffset = -1;

  /** @internal The access that a run state shows. */
  static of(state: RunState): IoAccess {
    const access = IoAccess.at((state.run as KvmRun).io.bytes);
    access.#pages = state.bytes;
    return access;
  }

  /** Whether the guest writes: an `out`, and not an `in`. */
  get isWrite(): boolean {
    return this.direction === KVM_EXIT_IO_OUT;
  }

  /** All elements, in the mapped page: what an `out` wrote, or what an `in` is going to read. */
  get data(): Uint8Array {
    const offset = this.view.getUint32(offsetOfDataOffset, true);
    const length = this.size * this.count;
    if (offset !== this.#dataOffset) {
      this.#short.length = 0;
      this.#long = undefined;
      this.#dataOffset = offset;
    }
    const known = length <= longestElement ? this.#short[length] : this.#long;
    if (known?.length === length) return known;
    const data = this.#pages.subarray(offset, offset + length);
    if (length <= longestElement) this.#short[length] = data;
    else this.#long = data;
    return data;
  }

  /** The first element, which for all but string instructions is the only one. */
  get value(): number {
    return this.#element(0);
  }

  set value(value: number) {
    this.setElement(0, value);
  }

  /** @internal */
  protected override shown(options: ShowOptions): Record<string, unknown> {
    const { port, size, count, isWrite, data } = this;
    return { port: hex(port), size, count, isWrite, data: bytes(data, options) };
  }

  /** One of the `count` elements. */
  element(index: number): number {
    return this.#element(this.#indexOf(index));
  }

  #element(index: number): number {
    const { data, size } = this;
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = value * 256 + (data[index * size + i] ?? 0);
    return value;
  }

  #indexOf(index: number): number {
    const { count } = this;
    if (count === 0) throw noAccess();
    return integer(index, 0, count - 1, 'the index of an element');
  }

  /** What the guest reads as one of the `count` elements; it must fit `size` bytes. */
  setElement(index: number, value: number): void {
    const { data, size } = this;
    this.#indexOf(index);
    integer(value, 0, 2 ** (8 * size) - 1, 'what a guest reads from a port');
    for (let i = 0; i < size; i++) data[index * size + i] = value >>> (8 * i);
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), data: Array.from(this.data) };
  }
}
