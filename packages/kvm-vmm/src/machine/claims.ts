import { RangeMap } from '../bus/range-map.js';
import type { BusRange } from '../devices/device.js';
import { Word } from './control.js';

/** More ranges than a machine has, and so more devices. */
export const deviceLimit = 1024;
const fields = 4;

/** The ranges that devices claim, in shared memory. The vCPUs' threads answer all other accesses themselves. */
export class Claims {
  /** The owners are the numbers of devices. */
  readonly pio = new RangeMap<number>();
  readonly mmio = new RangeMap<number>();

  /** Memory for the ranges of a machine. */
  static allocate(): Float64Array {
    return new Float64Array(new SharedArrayBuffer(deviceLimit * fields * Float64Array.BYTES_PER_ELEMENT));
  }

  /** The device thread's side, before the first vCPU runs: the ranges of each device, by its number. */
  static publish(devices: readonly (readonly BusRange[])[], shared: Float64Array, control: Int32Array): void {
    const claims = devices.flatMap((ranges, owner) =>
      ranges.map(({ bus, start, length }) => [
        bus === 'pio' ? 1 : 0,
        Number(start),
        Number(start) + Number(length),
        owner,
      ]),
    );
    const numbers = claims.slice(0, deviceLimit).flat();
    shared.set(numbers);
    Atomics.store(control, Word.Claims, numbers.length / fields);
  }

  /** A vCPU's side. */
  constructor(shared: Float64Array, control: Int32Array) {
    const count = Atomics.load(control, Word.Claims);
    for (let i = 0; i < count; i++) {
      const claim = shared.subarray(i * fields, (i + 1) * fields);
      const [isPio, start, end, owner] = claim as unknown as [number, number, number, number];
      (isPio === 1 ? this.pio : this.mmio).add({ start, end, owner, range: 0 }, 'the range');
    }
  }
}
