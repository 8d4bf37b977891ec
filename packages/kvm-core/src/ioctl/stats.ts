import { KvmError } from '../errors/kvm-error.js';
import { custom, type ShowOptions, show } from '../struct/inspect.js';
import { type Descriptor, unreachable } from './descriptor.js';
import { type Layout, type Placed, readLayout, type Statistic } from './stats-layout.js';
import { systemCall } from './system-call.js';

/**
 * The kernel's statistics of a VM or a vCPU, with their current values. `vm.stats()` and `vcpu.stats()` return it; it
 * is closed with its owner.
 */
export class Stats {
  /** The kernel's id of the owner: "kvm-4711" for a VM of process 4711, "kvm-4711/vcpu-0" for its first vCPU. */
  readonly id: string;
  /** All statistics, in the kernel's order. */
  readonly statistics: readonly Statistic[];
  readonly #byName: ReadonlyMap<string, Placed>;
  readonly #layout: Layout;
  readonly #descriptor: Descriptor;
  readonly #data: Uint8Array;
  readonly #isOpen: () => boolean;

  /** @internal */
  constructor(descriptor: Descriptor, isOpen: () => boolean) {
    this.#descriptor = descriptor;
    this.#isOpen = isOpen;
    this.#layout = readLayout(descriptor.arch.abi, (offset, length) => this.#read(new Uint8Array(length), offset));
    this.id = this.#layout.id;
    this.statistics = Object.freeze([...this.#layout.statistics]);
    this.#byName = new Map(this.#layout.statistics.map((statistic) => [statistic.name, statistic]));
    this.#data = new Uint8Array(this.#layout.dataLength);
    unreachable.register(this, descriptor, descriptor);
  }

  /** The values of all statistics, from one read: a bigint, or for a histogram one per bucket. */
  read(): Map<string, bigint | BigUint64Array> {
    this.#open();
    this.#read(this.#data, this.#layout.dataOffset);
    return new Map(
      this.#layout.statistics.map((statistic) => {
        const { name, offset, size } = statistic;
        const values = new BigUint64Array(this.#data.slice(offset, offset + size * 8).buffer);
        return [name, isHistogram(statistic) ? values : (values[0] as bigint)];
      }),
    );
  }

  /**
   * The value of one statistic.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` if there is none of this name, or it is a histogram: see `buckets`.
   */
  value(name: string): bigint {
    const statistic = this.#find(name);
    if (isHistogram(statistic)) throw wrong(`${name} is a histogram: use buckets()`);
    return this.#numbers(statistic)[0] as bigint;
  }

  /** The numbers of a histogram, one per bucket. */
  buckets(name: string): BigUint64Array {
    const statistic = this.#find(name);
    if (!isHistogram(statistic)) throw wrong(`${name} is not a histogram: use value()`);
    return this.#numbers(statistic);
  }

  /** @internal `console.log` shows the current values. */
  [custom](depth: unknown, options?: ShowOptions): string {
    const isClosed = !this.#isOpen() || this.#descriptor.released;
    const members = () => ({
      id: this.id,
      ...(isClosed ? { closed: true } : Object.fromEntries(this.read())),
    });
    return show('Stats', members, depth, options);
  }

  #find(name: string): Placed {
    this.#open();
    const statistic = this.#byName.get(name);
    if (typeof name !== 'string') throw wrong('the name of a statistic must be a string');
    if (statistic === undefined) throw wrong(`there is no statistic ${name} here`);
    return statistic;
  }

  #numbers({ offset, size }: Placed): BigUint64Array {
    const numbers = new BigUint64Array(size);
    this.#read(new Uint8Array(numbers.buffer), this.#layout.dataOffset + offset);
    return numbers;
  }

  /** Fills `into` with the bytes at `offset`. */
  #read(into: Uint8Array, offset: number): Uint8Array {
    const { backend, fd } = this.#descriptor;
    for (let done = 0; done < into.length; ) {
      const rest = into.subarray(done);
      const got = systemCall(
        'reading statistics',
        backend.pread(fd, backend.address(rest), rest.length, offset + done),
      );
      if (got === 0) {
        throw new KvmError('ERR_KVM_UNSUPPORTED', "this kernel's statistics are shorter than their header says", {
          ioctl: 'KVM_GET_STATS_FD',
        });
      }
      done += got;
    }
    return into;
  }

  #open(): void {
    if (!this.#isOpen() || this.#descriptor.released)
      throw new KvmError('ERR_KVM_CLOSED', 'the owner of these statistics is closed');
  }

  /** @internal */
  release(): void {
    unreachable.unregister(this.#descriptor);
    this.#descriptor.release();
  }
}

function isHistogram({ type, size }: Statistic): boolean {
  return type.endsWith('hist') || size > 1;
}

function wrong(message: string): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', message);
}
