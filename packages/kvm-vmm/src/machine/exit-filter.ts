import { type Exit, ExitReason, exitReasonNames, KvmError, unrecognised } from '@kvm/core';
import { unknownName } from '@kvm/core/struct';

/** A word of a filter. */
interface Term {
  /** Whether the exits are wanted. */
  readonly isWanted: boolean;
  /** An exit reason; undefined for all. */
  readonly reason: number | undefined;
  /** Ports or guest-physical addresses, both ends included. */
  readonly first: number;
  readonly last: number;
}

/** `io` for KVM_EXIT_IO, and so on. */
const reasons: ReadonlyMap<string, number> = new Map(
  Object.entries(exitReasonNames).map(([reason, name]) => [shortName(name), Number(reason)]),
);

/**
 * Which exits are meant by a text such as `io,mmio:0xd0000000-0xd0000fff` or `all,-io:0x3f8-0x3ff`: names of exits
 * without `KVM_EXIT_`, ports and addresses, and what is not wanted after a minus. The last word that fits counts.
 */
export class ExitFilter {
  readonly #terms: readonly Term[];

  /** @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for a text that is no filter. */
  constructor(text: string) {
    this.#terms = text.split(',').map(termOf);
  }

  /** Whether an exit is meant. Allocates nothing. */
  takes(exit: Exit): boolean {
    const reason = exit.reason === unrecognised ? exit.exitReason : exit.reason;
    let first = 0;
    let last = 0;
    if (exit.reason === ExitReason.Io) {
      first = exit.io.port;
      last = first + exit.io.size - 1;
    } else if (exit.reason === ExitReason.Mmio) {
      first = exit.mmio.address;
      last = first + exit.mmio.len - 1;
    }
    for (let i = this.#terms.length - 1; i >= 0; i--) {
      const term = this.#terms[i] as Term;
      const isMeant = term.reason === undefined || term.reason === reason;
      if (isMeant && first <= term.last && last >= term.first) return term.isWanted;
    }
    return false;
  }
}

function termOf(text: string): Term {
  const [, minus, name = '', from, to] = /^(-?)([a-z0-9_]+)(?::([^:-]+)(?:-([^:-]+))?)?$/i.exec(text.trim()) ?? [];
  const known = shortName(name);
  const reason = known === 'all' ? undefined : reasons.get(known);
  if (known === '') throw invalid(`${JSON.stringify(text.slice(0, 64))} names no exits`);
  if (known !== 'all' && reason === undefined) {
    throw unknownName(`there are no exits named ${name.slice(0, 64)}`, known, ['all', ...reasons.keys()]);
  }
  const isWanted = minus !== '-';
  if (from === undefined) return { isWanted, reason, first: 0, last: Number.POSITIVE_INFINITY };
  if (reason !== ExitReason.Io && reason !== ExitReason.Mmio)
    throw invalid(`only io and mmio have addresses, not ${name}`);
  const [first, last] = [addressOf(from), addressOf(to ?? from)];
  if (first > last) throw invalid(`${text.slice(0, 64)} ends before it begins`);
  return { isWanted, reason, first, last };
}

function addressOf(text: string): number {
  const address = /^(0x[0-9a-f]+|[0-9]+)$/i.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(address)) return address;
  throw invalid(`${JSON.stringify(text.slice(0, 64))} is no port or address, such as 0x3f8`);
}

function shortName(name: string): string {
  return name
    .toLowerCase()
    .replace(/^kvm_exit_/, '')
    .replaceAll('-', '_');
}

function invalid(message: string): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', message, { hint: 'io, mmio:0xd0000000-0xd0000fff, all,-io:0x3f8' });
}
