import { bothNames, nameOfCap } from '../arch/names.js';
import { KvmError } from '../errors/kvm-error.js';
import { type CapabilityArchs, originOf } from '../ioctl/capability-origin.js';
import { custom, type ShowOptions, show } from '../struct/inspect.js';

/** What a host says of one capability. */
export interface CapabilityState<C extends number = number> {
  readonly cap: C;
  /** The kernel's name: "KVM_CAP_SYNC_REGS". */
  readonly name: string;
  /** 0 where the host lacks it; 1 or more where it has it. What more means depends on the capability. */
  readonly value: number;
  /** The kernel that brought it: "Linux 6.12 or earlier". */
  readonly since: string | undefined;
}

/** What the ABI of an architecture says of its capabilities. */
interface NamedCaps extends CapabilityArchs {
  readonly Cap: Readonly<Record<string, number>>;
  readonly capNames: Readonly<Record<number, string>>;
  readonly capSince: Readonly<Record<number, string>>;
}

/**
 * What a host's KVM can do, by the architecture's `Cap`. Each capability is asked for once, when it is first wanted: what a host
 * says of one does not change. Iterated, it tells of every capability the headers name, by number.
 */
export class Capabilities<C extends number = number> implements Iterable<CapabilityState<C>> {
  readonly #abi: NamedCaps;
  readonly #ask: (cap: number) => number;
  readonly #known = new Map<number, number>();

  /** @internal `kvm.capabilities`. */
  constructor(abi: NamedCaps, ask: (cap: number) => number) {
    this.#abi = abi;
    this.#ask = ask;
  }

  /** Whether the host has a capability. */
  has(cap: C): boolean {
    return this.value(cap) > 0;
  }

  /** What the host says of a capability: 0 if it lacks it. KVM_CHECK_EXTENSION, api.rst 4.4. */
  value(cap: C): number {
    const known = this.#known.get(cap);
    if (known !== undefined) return known;
    const value = this.#ask(cap);
    this.#known.set(cap, value);
    return value;
  }

  /**
   * Does nothing where the host has all of them: a gate before work that would fail half-way.
   *
   * @throws KvmError `ERR_KVM_UNSUPPORTED` that names the first one missing, and the kernel that brought it.
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

  /** All that is known of a capability. */
  get(cap: C): CapabilityState<C> {
    const { capNames, capSince } = this.#abi;
    const value = this.value(cap);
    return { cap, name: nameOfCap(capNames, cap), value, since: capSince[cap] };
  }

  *[Symbol.iterator](): Iterator<CapabilityState<C>> {
    for (const cap of Object.keys(this.#abi.capNames)) yield this.get(Number(cap) as C);
  }

  /** The capabilities that the host has, with what it says of each: `{ KVM_CAP_IRQCHIP: 1 }`. */
  toJSON(): Record<string, number> {
    return Object.fromEntries([...this].filter(({ value }) => value > 0).map(({ name, value }) => [name, value]));
  }

  /** @internal `console.log`: those that the host has. */
  [custom](depth: unknown, options?: ShowOptions): string {
    try {
      return show('Capabilities', () => this.toJSON(), depth, options);
    } catch (error) {
      if (error instanceof KvmError) return `Capabilities [${error.message}]`;
      throw error;
    }
  }
}
