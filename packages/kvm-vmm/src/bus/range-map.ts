import { KvmError } from '@kvm/core';

/** A range of addresses on a bus, and who answers there. */
export interface Claim<T> {
  /** The first address. */
  readonly start: number;
  /** The address after the last. */
  readonly end: number;
  readonly owner: T;
  /** Which of the owner's ranges this is. */
  readonly range: number;
}

/** Ranges of addresses, sorted. No two of them overlap. */
export class RangeMap<T> {
  /** Sorted by address. */
  readonly #claims: Claim<T>[] = [];
  /** The claim found last: guests access the same device many times in a row. */
  #last: Claim<T> | undefined;

  /**
   * Adds a claim.
   *
   * @param what the kind of range, for the error message.
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` when the range overlaps another one.
   */
  add(claim: Claim<T>, what: string): void {
    const next = this.#claims.findIndex(({ start }) => start >= claim.end);
    const at = next === -1 ? this.#claims.length : next;
    const before = this.#claims[at - 1];
    if (before !== undefined && before.end > claim.start) {
      throw new KvmError(
        'ERR_KVM_INVALID_ARGUMENT',
        `${what} ${span(claim)} overlaps ${span(before)}, which belongs to another device`,
      );
    }
    this.#claims.splice(at, 0, claim);
  }

  /** The claim that contains all `length` addresses from `address` on, if there is one. Allocates nothing. */
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
