import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ram } from '../../test/ram.js';
import { recordingDma } from '../../test/recording-dma.js';
import { GuestDma } from '../memory/guest-dma.js';
import type { Chain } from './chain.js';
import type { Dma } from './dma.js';
import { PackedQueue } from './packed-queue.js';
import type { Ring, RingOptions } from './queue.js';
import { SplitQueue } from './split-queue.js';

const memorySize = 0x800;
const windowSize = 0x400;
const longestChain = 8;
const runs = 5000;

/** Numbers that a hostile driver writes: small ones, which make sense, edges, and any. */
const word16 = fc.oneof(fc.nat(12), fc.constantFrom(0x80, 0x8000, 0x8080, 0xffff), fc.nat(0xffff));
const address = fc.oneof(
  { weight: 6, arbitrary: fc.nat(memorySize) },
  { weight: 1, arbitrary: fc.constantFrom(memorySize - 1, 2 ** 32 - 1, 2 ** 52, 2 ** 64 - 2 ** 11) },
);
const length = fc.oneof(
  { weight: 6, arbitrary: fc.nat(48) },
  { weight: 1, arbitrary: fc.constantFrom(0xffff_ffff, 0x8000_0000) },
);
const descriptor = fc.record({
  address,
  // Tables of whole descriptors are of interest, too.
  length: fc.oneof(
    length,
    fc.nat(9).map((count) => 16 * count),
  ),
  third: word16,
  fourth: word16,
});
type Descriptor = typeof descriptor extends fc.Arbitrary<infer D> ? D : never;

/** A machine's memory, full of descriptors and indices, and a ring anywhere in it. Its areas may overlap. */
const scene = fc.record({
  size: fc.constantFrom(1, 2, 4, 8),
  descriptors: fc.array(descriptor, { minLength: 1, maxLength: 40 }),
  descriptorArea: fc.nat(0x7f).map((n) => 16 * n),
  driverArea: fc.nat(0x1ff).map((n) => 4 * n),
  deviceArea: fc.nat(0x1ff).map((n) => 4 * n),
  words: fc.array(fc.tuple(fc.nat(memorySize / 2 - 1), word16), { maxLength: 40 }),
  /** The indices of the ring: `available` of a split ring is waiting chains more than the device's own. */
  waiting: fc.nat(9),
  state: fc.record({ available: word16, used: word16 }),
  hasIndirect: fc.boolean(),
  hasEventIdx: fc.boolean(),
});
type Scene = typeof scene extends fc.Arbitrary<infer S> ? S : never;

function put(memory: DataView, at: number, { address: start, length: bytes, third, fourth }: Descriptor): void {
  memory.setBigUint64(at, BigInt.asUintN(64, BigInt(start)), true);
  memory.setUint32(at + 8, bytes, true);
  memory.setUint16(at + 12, third, true);
  memory.setUint16(at + 14, fourth, true);
}

function paint(
  bytes: DataView,
  isPacked: boolean,
  { descriptors, descriptorArea, driverArea, words, waiting, state }: Scene,
): void {
  for (let at = 0; at < memorySize; at += 16) put(bytes, at, descriptors[(at / 16) % descriptors.length] as Descriptor);
  for (const [at, value] of words) bytes.setUint16(2 * at, value, true);
  if (!isPacked && driverArea + 4 <= memorySize)
    bytes.setUint16(driverArea + 2, (state.available + waiting) & 0xffff, true);
  // The first descriptors of a packed ring are available.
  for (let i = 0; isPacked && i < waiting; i++) {
    const at = descriptorArea + 16 * ((state.available & 7) + i) + 14;
    if (at + 2 > memorySize) break;
    const flags = bytes.getUint16(at, true) & ~0x8080;
    bytes.setUint16(at, flags | (state.available >= 0x8000 ? 0x80 : 0x8000), true);
  }
}

/** Two segments of memory as text, to compare. */
interface Bytes {
  readonly at: number;
  readonly isWritable: boolean;
}

/** What a split chain is, read from memory that stands still, as the specification says it; undefined if it is none. */
function specified(
  bytes: DataView,
  { size, descriptorArea, driverArea, hasIndirect, state }: Scene,
): Bytes[] | undefined {
  const all: Bytes[] = [];
  let count = 0;
  let hasWritable = false;
  const follow = (table: number, entries: number, first: number, isInner: boolean): boolean => {
    for (let index = first; ; ) {
      if (index >= entries) return false;
      const at = table + 16 * index;
      const start = bytes.getBigUint64(at, true);
      const size32 = bytes.getUint32(at + 8, true);
      const flags = bytes.getUint16(at + 12, true);
      if (start + BigInt(size32) > BigInt(memorySize)) return false;
      if ((flags & 4) !== 0) {
        if (isInner || !hasIndirect || (flags & 1) !== 0 || size32 === 0 || size32 % 16 !== 0) return false;
        return follow(Number(start), size32 / 16, 0, true);
      }
      const isWritable = (flags & 2) !== 0;
      if ((hasWritable && !isWritable) || ++count > longestChain) return false;
      hasWritable = isWritable;
      for (let i = 0; i < size32; i++) all.push({ at: Number(start) + i, isWritable });
      if ((flags & 1) === 0) return true;
      index = bytes.getUint16(at + 14, true);
    }
  };
  const head = bytes.getUint16(driverArea + 4 + 2 * (state.available % size), true);
  return follow(descriptorArea, size, head, false) ? all : undefined;
}

function bytesOf(chain: Chain): Bytes[] {
  const all: Bytes[] = [];
  for (let i = 0; i < chain.segments; i++) {
    for (let j = 0; j < chain.lengthOf(i); j++)
      all.push({ at: chain.offsetOf(i) + j, isWritable: i >= chain.readableSegments });
  }
  return all;
}

/** The state in which a packed ring of this size may be. */
function packedState({ state: { available, used }, size }: Scene): Scene['state'] {
  const place = (word: number): number => (word & 0x8000) | (word & (size - 1));
  return { available: place(available), used: place(used) };
}

function open(
  Kind: typeof SplitQueue | typeof PackedQueue,
  each: Scene,
  dma: Dma,
  more: Partial<RingOptions>,
): Ring | undefined {
  const calls = { interrupt: () => {}, needsReset: () => {} };
  const ring = Kind.at(dma, { ...each, longestChain, ...calls, ...more });
  ring?.load(each.state);
  return ring;
}

describe.each([
  ['split', SplitQueue],
  ['packed', PackedQueue],
] as const)('a hostile %s ring', (kind, Kind) => {
  const isPacked = kind === 'packed';
  /** The areas of the ring that the device writes. */
  const isOfDevice = ({ size, descriptorArea, deviceArea, hasEventIdx }: Scene, at: number): boolean =>
    isPacked
      ? (at >= descriptorArea && at < descriptorArea + 16 * size) || (at >= deviceArea && at < deviceArea + 4)
      : at >= deviceArea && at < deviceArea + 4 + 8 * size + (hasEventIdx ? 2 : 0);

  test('breaks nothing, holds nobody, and has no byte touched outside its chains, though it changes meanwhile', () => {
    let chains = 0;
    let resets = 0;
    fc.assert(
      fc.property(scene, fc.array(fc.tuple(fc.nat(memorySize / 2 - 1), word16), { maxLength: 30 }), (any, changes) => {
        const each = isPacked ? { ...any, state: packedState(any) } : any;
        const memory = ram(memorySize, windowSize);
        const bytes = new DataView(new ArrayBuffer(memorySize));
        paint(bytes, isPacked, each);
        memory.write(0, new Uint8Array(bytes.buffer));
        const plain = new GuestDma(memory);
        let turn = 0;
        const dma = recordingDma(plain, {
          // Another processor writes while the device reads.
          beforeRead: () => {
            const change = turn++ % 3 === 0 ? changes[((turn / 3) % changes.length) | 0] : undefined;
            if (change !== undefined) plain.store16(2 * change[0], change[1]);
          },
        });
        let broken = 0;
        let spent = 0;
        const ring = open(Kind, each, dma, { needsReset: () => broken++, spent: () => spent++ });
        if (ring === undefined) return;
        const allowed = new Set<number>();
        for (let rounds = 0; rounds < 3; rounds++) {
          ring.refill();
          let count = 0;
          do {
            ring.suppress();
            for (let chain = ring.pop(); chain !== undefined; chain = ring.pop()) {
              expect(++count).toBeLessThanOrEqual(each.size);
              expect(chain.readableLength + chain.writableLength).toBeLessThanOrEqual(longestChain * memorySize);
              for (const { at, isWritable } of bytesOf(chain)) {
                expect(at).toBeLessThan(memorySize);
                if (isWritable) allowed.add(at);
              }
              chain.readInto(0, new Uint8Array(chain.readableLength + 1));
              ring.push(chain, chain.write(0, new Uint8Array(chain.writableLength + 1).fill(0xa5)));
              chains++;
            }
            ring.signal();
          } while (ring.listen());
        }
        expect(broken).toBeLessThanOrEqual(1);
        resets += broken;
        for (const at of dma.written) if (!allowed.has(at)) expect([at, isOfDevice(each, at)]).toEqual([at, true]);
      }),
      { numRuns: runs },
    );
    // The scenes are such that all of this happens.
    expect(Math.min(chains, resets)).toBeGreaterThan(runs / 50);
  });
});

test('a split ring gives exactly the chains that the specification allows', () => {
  let chains = 0;
  fc.assert(
    fc.property(scene, (each) => {
      const memory = ram(memorySize, windowSize);
      const bytes = new DataView(new ArrayBuffer(memorySize));
      paint(bytes, false, each);
      memory.write(0, new Uint8Array(bytes.buffer));
      let broken = 0;
      const ring = open(SplitQueue, each, new GuestDma(memory), { needsReset: () => broken++ });
      if (ring === undefined) return;
      const waiting = (bytes.getUint16(each.driverArea + 2, true) - each.state.available) & 0xffff;
      const expected = waiting > 0 && waiting <= each.size ? specified(bytes, each) : undefined;
      const chain = ring.pop();
      expect(chain && bytesOf(chain)).toEqual(expected);
      expect(broken).toBe(Number(waiting > 0 && expected === undefined));
      if (chain !== undefined) chains++;
    }),
    { numRuns: runs },
  );
  expect(chains).toBeGreaterThan(runs / 50);
});
