import { boolean, integer, u32 } from '@kvm/core/struct';

/** The three areas of a queue, by the specification's names. */
export const Area = { Descriptor: 0, Driver: 1, Device: 2 } as const;
export type Area = (typeof Area)[keyof typeof Area];

const areas = 3;
const twoTo32 = 2 ** 32;

/** What `QueueSetup.save` returns. */
export interface QueueSetupState {
  readonly size: number;
  readonly isEnabled: boolean;
  /** The addresses of the areas in order, each as its low and its high half. */
  readonly areas: readonly number[];
}

/** What a driver says of one queue. It is fixed while the queue is enabled. */
export class QueueSetup {
  /** The largest size that the device takes. */
  readonly sizeMax: number;
  #size: number;
  #isEnabled = false;
  readonly #areas = new Uint32Array(2 * areas);

  constructor(sizeMax: number) {
    this.sizeMax = sizeMax;
    this.#size = sizeMax;
  }

  get size(): number {
    return this.#size;
  }

  set size(size: number) {
    if (!this.#isEnabled) this.#size = size;
  }

  get isEnabled(): boolean {
    return this.#isEnabled;
  }

  set isEnabled(isEnabled: boolean) {
    this.#isEnabled = isEnabled;
  }

  /** Half of the address of an area: the low 32 bits, or the high ones. */
  half(area: Area, isHigh: boolean): number {
    return this.#areas[2 * area + Number(isHigh)] as number;
  }

  setHalf(area: Area, isHigh: boolean, value: number): void {
    if (!this.#isEnabled) this.#areas[2 * area + Number(isHigh)] = value;
  }

  /** The guest-physical address of an area. It is exact wherever there may be memory. */
  address(area: Area): number {
    return this.half(area, false) + this.half(area, true) * twoTo32;
  }

  reset(): void {
    this.#isEnabled = false;
    this.#size = this.sizeMax;
    this.#areas.fill(0);
  }

  save(): QueueSetupState {
    return { size: this.#size, isEnabled: this.#isEnabled, areas: [...this.#areas] };
  }

  load({ size, isEnabled, areas: halves }: QueueSetupState): void {
    this.#size = integer(size, 0, 0xffff, 'the size of a queue');
    this.#isEnabled = boolean(isEnabled, 'isEnabled of a queue');
    for (let i = 0; i < this.#areas.length; i++) this.#areas[i] = u32(halves?.[i] as number, 'an address of a queue');
  }
}
