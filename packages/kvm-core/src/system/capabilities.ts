import { bothNames, nameOfCap } from '../arch/names.js';
import { KvmError } from '../errors/kvm-error.js';
import { type CapabilityArchs, originOf } from '../ioctl/capability-origin.js';
import { custom, type ShowOptions, show } from '../struct/inspect.js';

/** The state of one capability on a host. */
export interface CapabilityState<C extends number = number> {
  readonly cap: C;
  /** The kernel's name: "KVM_CAP_SYNC_REGS". */
  readonly name: string;
  /** 0 if the host lacks it, 1 or more if it has it. The meaning of larger values depends on the capability. */
  readonly value: number;
  /** The kernel that introduced it: "Linux 6.12 or earlier". */
  readonly since: string | undefined;
}

/** The capabilities of an architecture's ABI. */
interface NamedCaps extends CapabilityArchs {
  readonly Cap: Readonly<Record<string, number>>;
  readonly capNames: Readonly<Record<number, string>>;
  readonly capSince: Readonly<Record<number, string>>;
}

/**
 * What a host's KVM supports, by the architecture's `Cap`. Each capability is queried once, on first use, because the
 * answer does not change. Iteration yields every capability that the headers name, by number.
 */
export class Capabilities<C extends number = number> implements Iterable<CapabilityState<C>> {
  readonly #abi: NamedCaps;
  readonly #ask: (cap: number) => number;
  readonly #cache = new Map<number, number>();

  /** @internal `kvm.capabilities`. */
  constructor(abi: NamedCaps, ask: (cap: number) => number) {
    this.#abi = abi;
    this.#ask = ask;
  }

  /** Whether the host has a capability. */
  has(cap: C): boolean {
    return this.value(cap) > 0;
  }

  /** The host's value for a capability: 0 if it lacks it. KVM_CHECK_EXTENSION, api.rst 4.4. */
  value(cap: C): number {
    const cached = this.#cache.get(cap);
    if (cached !== undefined) return cached;
    const value = this.#ask(cap);
    this.#cache.set(cap, value);
    return value;
  }

  /**
   * Checks that the host has all of the capabilities, before work that would otherwise fail half-way.
   *
   * @throws KvmError `ERR_KVM_UNSUPPORTED` that names the first missing capability, and the kernel that introduced it.
   */
  require(...caps: readonly C[]): void {
    const missing = caps.find((cap) => !this.has(cap));
    if (missing === undefined) return;
    const { name, since } = this.get(missing);
    throw new KvmError(
      'ERR_KVM_UNSUPPORTED',
      `this host's KVM lacks ${bothNames(this.#abi, { name, number: missing })}`,
      {
        hint: originOf(this.#abi, { number: missing, since }),
      },
    );
  }

  /** The number, name, value and origin of a capability. */
  get(cap: C): CapabilityState<C> {
    const { capNames, capSince } = this.#abi;
    const value = this.value(cap);
    return { cap, name: nameOfCap(capNames, cap), value, since: capSince[cap] };
  }

  *[Symbol.iterator](): Iterator<CapabilityState<C>> {
    for (const cap of Object.keys(this.#abi.capNames)) yield this.get(Number(cap) as C);
  }

  /** The capabilities that the host has, with their values: `{ KVM_CAP_IRQCHIP: 1 }`. */
  toJSON(): Record<string, number> {
    return Object.fromEntries([...this].filter(({ value }) => value > 0).map(({ name, value }) => [name, value]));
  }

  /** @internal `console.log` shows those that the host has. */
  [custom](depth: unknown, options?: ShowOptions): string {
    try {
      return show('Capabilities', () => this.toJSON(), depth, options);
    } catch (error) {
      if (error instanceof KvmError) return `Capabilities [${error.message}]`;
      throw error;
    }
  }
}
