import type { RingState } from '../queue.js';
import { QueueSetup } from '../queue-setup.js';

/** The words that the thread of a device shares with the thread of the devices, and with the main thread. */
export const Word = {
  /** The number of the activation that the driver wants to be in force; 0 after a reset. */
  Wanted: 0,
  /** The activation that is in force: no request of another one is in flight. */
  Current: 1,
  /** 1 when the thread is to end. */
  Quit: 2,
  /** 1 once the thread has gone: nobody waits for it any more. */
  Gone: 3,
  /** Bit n for an interrupt of queue n: there are at most 32. */
  Interrupts: 4,
  /** 1 when the driver has broken the rules. */
  NeedsReset: 5,
  FeaturesLow: 6,
  FeaturesHigh: 7,
  /** One of `Hold`. */
  Hold: 8,
} as const;

/** Whether the thread of the device leaves the guest's memory alone. */
export const Hold = { None: 0, Wanted: 1, Held: 2 } as const;

const queuesStart = 9;
/** Words of a queue: its size, whether it is enabled, the halves of three addresses, and where it stands. */
const queueWords = 10;
const placeStart = 8;

export function allocateWords(queues: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer((queuesStart + queueWords * queues) * Int32Array.BYTES_PER_ELEMENT));
}

/** Puts down what the driver has set up, for the thread of the device. */
export function putSetup(words: Int32Array, queues: readonly QueueSetup[], features: bigint): void {
  words[Word.FeaturesLow] = Number(BigInt.asIntN(32, features));
  words[Word.FeaturesHigh] = Number(BigInt.asIntN(32, features >> 32n));
  for (const [index, queue] of queues.entries()) {
    const { size, isEnabled, areas } = queue.save();
    words.set([size, Number(isEnabled), ...areas], queuesStart + queueWords * index);
  }
}

export function featuresIn(words: Int32Array): bigint {
  const half = (word: number): bigint => BigInt.asUintN(32, BigInt(words[word] as number));
  return half(Word.FeaturesLow) | (half(Word.FeaturesHigh) << 32n);
}

/** The set-up of a queue; undefined for one that the driver has not enabled. */
export function setupIn(words: Int32Array, index: number, sizeMax: number): QueueSetup | undefined {
  const start = queuesStart + queueWords * index;
  const [size, isEnabled, ...areas] = new Uint32Array(words.slice(start, start + placeStart));
  if (isEnabled === 0) return undefined;
  const setup = new QueueSetup(sizeMax);
  setup.load({ size: size as number, isEnabled: true, areas });
  return setup;
}

/** Puts down where a queue stands, for whichever thread goes on with it. */
export function putPlace(words: Int32Array, index: number, { available, used }: RingState): void {
  words.set([available, used], queuesStart + queueWords * index + placeStart);
}

export function placeIn(words: Int32Array, index: number): RingState {
  const start = queuesStart + queueWords * index + placeStart;
  return { available: words[start] as number, used: words[start + 1] as number };
}
