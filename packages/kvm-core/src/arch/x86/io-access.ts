import { KVM_EXIT_IO_OUT, type KvmRun, KvmRunIo } from '../../abi/x86/index.js';
import { integer } from '../../struct/check.js';
import { bytes, hex, type ShowOptions } from '../../struct/inspect.js';
import { noAccess } from '../../vcpu/mmio-access.js';
import type { RunState } from '../../vcpu/run-state.js';

/** Bytes of an `outl` or `inl`. */
const longestElement = 4;

/**
 * The place of `dataOffset`, to read its low 32 bits: a bigint would make garbage at every exit. No run state has 4
 * GiB.
 */
const offsetOfDataOffset = KvmRunIo.from({ dataOffset: 1n }).bytes.indexOf(1);

/** Port I/O with its data: `count` consecutive elements of `size` bytes each. */
export class IoAccess extends KvmRunIo {
  /** The pages of the run state, which contain the data. A copy of an access has neither. */
  #pages = new Uint8Array();
  /** Cached views of `data`: up to four bytes by length, and the last longer one. */
  readonly #short: (Uint8Array | undefined)[] = [];
  #long: Uint8Array | undefined;
  #dataOffset = -1;

  /** @internal The access in a run state. */
  static of(state: RunState): IoAccess {
    const access = IoAccess.at((state.run as KvmRun).io.bytes);
    access.#pages = state.bytes;
    return access;
  }

  /** Whether the guest writes to the port: true for `out`, false for `in`. */
  get isWrite(): boolean {
    return this.direction === KVM_EXIT_IO_OUT;
  }

  /** All elements, in the mapped page: the data that an `out` wrote or that an `in` will read. */
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

  /** The first element. It is the only one, except for string instructions. */
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

  /** Sets one of the `count` elements, which an `in` will read. The value must fit in `size` bytes. */
  setElement(index: number, value: number): void {
    const { data, size } = this;
    this.#indexOf(index);
    integer(value, 0, 2 ** (8 * size) - 1, 'the value of an element');
    for (let i = 0; i < size; i++) data[index * size + i] = value >>> (8 * i);
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), data: Array.from(this.data) };
  }
}
