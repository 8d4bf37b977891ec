import { RangeMap } from '../bus/range-map.js';
import type { BusRange } from '../devices/device.js';
import { Word } from './control.js';

/** More ranges than a machine has. */
const limit = 1024;
const fields = 3;

/** The ranges that devices claim, in shared memory. The vCPUs' threads answer all other accesses themselves. */
export class Claims {
  readonly pio = new RangeMap<true>();
  readonly mmio = new RangeMap<true>();

  /** Memory for the ranges of a machine. */
  static allocate(): Float64Array {
    return new Float64Array(new SharedArrayBuffer(limit * fields * Float64Array.BYTES_PER_ELEMENT));
  }

  /** The device thread's side, before the first vCPU runs. */
  static publish(ranges: readonly BusRange[], shared: Float64Array, control: Int32Array): void {
    const numbers = ranges.slice(0, limit).flatMap(({ bus, start, length }) => {
      const from = Number(start);
      return [bus === 'pio' ? 1 : 0, from, from + Number(length)];
    });
    shared.set(numbers);
    Atomics.store(control, Word.Claims, numbers.length / fields);
  }

  /** A vCPU's side. */
  constructor(shared: Float64Array, control: Int32Array) {
    const count = Atomics.load(control, Word.Claims);
    for (let i = 0; i < count; i++) {
      const [isPio, start, end] = shared.subarray(i * fields, (i + 1) * fields) as unknown as [number, number, number];
      (isPio === 1 ? this.pio : this.mmio).add({ start, end, owner: true, range: 0 }, 'the range');
    }
  }
}
