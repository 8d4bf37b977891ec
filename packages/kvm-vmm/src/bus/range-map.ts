import { KvmError } from '@kvm/core';

/** What claims some addresses of a bus. */
export interface Claim<T> {
  /** The first address. */
  readonly start: number;
  /** The address after the last. */
  readonly end: number;
  readonly device: T;
}

/** Devices by the addresses they claim, no address twice. */
export class RangeMap<T> {
  /** In order of address. */
  readonly #claims: Claim<T>[] = [];
  /** Guests touch the same device many times in a row. */
  #last: Claim<T> | undefined;

  /** Adds a claim; `what` names the addresses in the message when another has some of them. */
  add(claim: Claim<T>, what: string): void {
    const next = this.#claims.findIndex(({ start }) => start >= claim.end);
    const at = next === -1 ? this.#claims.length : next;
    const before = this.#claims[at - 1];
    if (before !== undefined && before.end > claim.start) {
      throw new KvmError(
        'ERR_KVM_INVALID_ARGUMENT',
        `${what} ${span(claim)} overlaps ${span(before)}, which another device has`,
      );
    }
    this.#claims.splice(at, 0, claim);
  }

  /** Which claim has all `length` addresses from `address` on, if one has. Allocates nothing. */
  find(address: number, length: number): Claim<T> | undefined {
    const last = this.#last;
    if (last !== undefined && address >= last.start && address + length <= last.end) return last;
    let low = 0;
    let high = this.#claims.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const claim = this.#claims[middle] as Claim<T>;
      if (address >= claim.end) low = middle + 1;
      else high = middle;
    }
    const claim = this.#claims[low];
    if (claim === undefined || address < claim.start || address + length > claim.end) return undefined;
    this.#last = claim;
    return claim;
  }
}

function span({ start, end }: Claim<unknown>): string {
  return `0x${start.toString(16)}..0x${(end - 1).toString(16)}`;
}
