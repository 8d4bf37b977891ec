import type { Backend } from '../backend/backend.js';
import { nodeCrypto } from '../threads/node-modules.js';
import { systemCall } from './system-call.js';

/**
 * Whose a descriptor is that threads pass on: a word in memory that all threads of the process see, and that no object of the API
 * shows. So what it says is so, and nobody can set it back; a handle only tells where it lies (`seal.ts`).
 *
 * A word holds a mark, which tells its claim from those that had the word before, and a state. It is 0 while nobody has it.
 */

/** What may be done with what the claim is about. */
export const State = {
  /** It is somebody's. */
  Owned: 1,
  /** It is on its way, and nobody's. */
  Offered: 2,
} as const;
type State = (typeof State)[keyof typeof State];

const free = 0n;

/** Bytes mapped at once, whole pages on any host. They are never given up: a thread that knows one may look at any time. */
const poolBytes = 2 ** 16;

const largestMark = 2 ** 48 - 1;

/** A number that no other of the process is, but for one chance in 2^48. */
export function newMark(): number {
  return nodeCrypto().randomInt(1, largestMark);
}

/** Where this thread found the last free word of a pool: the next one is likely to be near. */
const lastTaken = new Map<BigInt64Array, number>();

/** The words this thread knows, by where they are mapped: its own, and those of threads that sent it handles. */
const pools = new Map<number, BigInt64Array>();

function poolAt(backend: Backend, address: number): BigInt64Array {
  const known = pools.get(address);
  if (known !== undefined) return known;
  const words = new BigInt64Array(backend.view(address, poolBytes));
  pools.set(address, words);
  return words;
}

/** Zero pages of the process: memory of the runtime would go with the thread that allocated it. */
function mapPool(backend: Backend): number {
  const zero = systemCall('opening /dev/zero', backend.open('/dev/zero'));
  const address = backend.map(zero, poolBytes, 0);
  backend.close(zero);
  return systemCall('mapping the words that threads share', address);
}

export class Claim {
  readonly #pool: number;
  readonly #index: number;
  readonly #mark: number;
  readonly #words: BigInt64Array;

  private constructor(backend: Backend, [pool, index, mark]: ClaimNumbers) {
    this.#pool = pool;
    this.#index = index;
    this.#mark = mark;
    this.#words = poolAt(backend, pool);
  }

  static make(backend: Backend, state: State): Claim {
    const mark = newMark();
    for (const [pool, words] of [...pools]) {
      const index = take(words, wordOf(mark, state));
      if (index >= 0) return new Claim(backend, [pool, index, mark]);
      // It is full: the others are asked before it from now on, or each claim would look through all of it.
      pools.delete(pool);
      pools.set(pool, words);
    }
    // Before anybody knows of it, the first word is free.
    const pool = mapPool(backend);
    poolAt(backend, pool)[0] = wordOf(mark, state);
    return new Claim(backend, [pool, 0, mark]);
  }

  /** @param numbers of a claim of this process: the address is believed. */
  static of(backend: Backend, numbers: ClaimNumbers): Claim {
    return new Claim(backend, numbers);
  }

  /** What finds it in another thread. */
  get numbers(): ClaimNumbers {
    return [this.#pool, this.#index, this.#mark];
  }

  is(state: State): boolean {
    return Atomics.load(this.#words, this.#index) === wordOf(this.#mark, state);
  }

  /** From one state to another; false if it was not in the first. Of two threads that try, one has it. */
  change(from: State, to: State): boolean {
    return this.#exchange(wordOf(this.#mark, from), wordOf(this.#mark, to));
  }

  /** Before a descriptor goes: from now on nobody takes its number for that of what was passed on. */
  end(): void {
    for (const state of [State.Owned, State.Offered]) this.#exchange(wordOf(this.#mark, state), free);
  }

  #exchange(from: bigint, to: bigint): boolean {
    return Atomics.compareExchange(this.#words, this.#index, from, to) === from;
  }
}

/** Where the words are, which of them it is, and its mark. */
export type ClaimNumbers = readonly [pool: number, index: number, mark: number];

function wordOf(mark: number, state: State): bigint {
  return BigInt(mark) * 4n + BigInt(state);
}

/** Puts a word where none is; -1 where all are taken. */
function take(words: BigInt64Array, word: bigint): number {
  const start = lastTaken.get(words) ?? 0;
  for (let step = 0; step < words.length; step++) {
    const i = (start + step) % words.length;
    if (Atomics.load(words, i) !== free || Atomics.compareExchange(words, i, free, word) !== free) continue;
    lastTaken.set(words, i);
    return i;
  }
  return -1;
}
