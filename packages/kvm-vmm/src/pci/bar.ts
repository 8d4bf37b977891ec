import { KvmError } from '@kvm/core';
import {
  PCI_BASE_ADDRESS_0,
  PCI_BASE_ADDRESS_MEM_PREFETCH,
  PCI_BASE_ADDRESS_MEM_TYPE_64,
} from '../abi/pci/constants.js';
import { ConfigRegister } from './config-space.js';

const twoTo32 = 2 ** 32;
/** The bits of a register that say what it is. */
const typeBits = 0xf;
/** A BAR has pages of its own, so that no two drivers share one. */
const smallest = 0x1000;
const bars = 6;

export interface BarOptions {
  /** 0 to 5. A BAR of 64 bits takes the next index, too. */
  readonly index: number;
  /** Bytes, a power of two from 4096 on. */
  readonly size: number;
  /** Whether it can be above 4 GiB; false. */
  readonly is64?: boolean;
  /** Whether reads have no effects and writes may be merged; false. */
  readonly prefetchable?: boolean;
}

/**
 * A base address register: where a range of a function's registers is in memory. The guest learns the size by writing
 * ones and reading back which it can change. PCI Local Bus 3.0, 6.2.5.1.
 */
export class Bar {
  readonly index: number;
  readonly size: number;
  readonly is64: boolean;
  readonly #low: ConfigRegister;
  readonly #high: ConfigRegister | undefined;

  /** @param written called after the guest has written to it. */
  constructor({ index, size, is64 = false, prefetchable = false }: BarOptions, written: () => void) {
    const isPower = Number.isInteger(Math.log2(size)) && size >= smallest;
    if (!isPower || (!is64 && size >= twoTo32) || index + (is64 ? 2 : 1) > bars) {
      throw new KvmError('ERR_KVM_OUT_OF_RANGE', `BAR ${index} cannot have ${size} bytes`);
    }
    this.index = index;
    this.size = size;
    this.is64 = is64;
    const type = (is64 ? PCI_BASE_ADDRESS_MEM_TYPE_64 : 0) | (prefetchable ? PCI_BASE_ADDRESS_MEM_PREFETCH : 0);
    const register = (part: number, value: number, writable: number): ConfigRegister =>
      new ConfigRegister({
        name: `bar${index + part}`,
        offset: PCI_BASE_ADDRESS_0 + 4 * (index + part),
        size: 4,
        value,
        writable,
        written,
      });
    this.#low = register(0, type, size < twoTo32 ? twoTo32 - size : 0);
    if (is64) this.#high = register(1, 0, size < twoTo32 ? twoTo32 - 1 : twoTo32 - size / twoTo32);
  }

  /** The one or two registers of configuration space. */
  get registers(): readonly ConfigRegister[] {
    return this.#high === undefined ? [this.#low] : [this.#low, this.#high];
  }

  /** Where it is, whether or not the function answers there. */
  get address(): number {
    return (this.#high?.value ?? 0) * twoTo32 + ((this.#low.value & ~typeBits) >>> 0);
  }

  set address(value: number) {
    this.#low.value = ((this.#low.value & typeBits) | (value % twoTo32)) >>> 0;
    if (this.#high !== undefined) this.#high.value = Math.floor(value / twoTo32);
  }
}
