import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ram } from '../../test/ram.js';
import { recordingDma } from '../../test/recording-dma.js';
import { areas, type Driver, kinds, type Piece } from '../../test/virtio-driver.js';
import { GuestDma } from '../memory/guest-dma.js';
import type { Chain } from './chain.js';
import type { Ring } from './queue.js';

const data = 0x8000;
const tables = 0x6000;
const memorySize = 0x2_0000;
/** Small windows, so that buffers lie across them. */
const windowSize = 0x1000;

/** The bytes of a chain that a driver adds. */
interface Request {
  readonly readable: readonly number[];
  readonly writable: readonly number[];
  readonly isIndirect: boolean;
}

const lengths = fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 4 });
const request: fc.Arbitrary<Request> = fc
  .record({ readable: lengths, writable: lengths, isIndirect: fc.boolean() })
  .filter(({ readable, writable }) => readable.length + writable.length > 0);

/** Takes an outcome for each step: which side does something, and with how many. */
const step = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), request }),
  fc.record({ kind: fc.constant('pop' as const) }),
  fc.record({ kind: fc.constant('push' as const), which: fc.nat(7) }),
  fc.record({ kind: fc.constant('unpop' as const) }),
  fc.record({ kind: fc.constant('move' as const) }),
);

describe.each(kinds)('a %s queue', (_, KindOfDriver) => {
  const make = (
    size = 8,
    hasEventIdx = false,
  ): { driver: Driver; ring: Ring; interrupts: () => number; broken: () => number } => {
    const memory = ram(memorySize, windowSize);
    let interrupts = 0;
    let broken = 0;
    const driver = new KindOfDriver(memory, size, hasEventIdx);
    const ring = driver.open(new GuestDma(memory), {
      interrupt: () => {
        interrupts++;
      },
      needsReset: () => {
        broken++;
      },
    });
    if (ring === undefined) throw new Error('the queue is valid');
    return { driver, ring, interrupts: () => interrupts, broken: () => broken };
  };
  const piece = (length: number, isWritable = true): Piece => ({ address: data, length, isWritable });

  test('carries every byte of any chains in any order, past every wrap of its counters', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 120 }),
        fc.constantFrom(1, 2, 8),
        fc.oneof(fc.nat(20), fc.integer({ min: 65_520, max: 65_540 })),
        fc.boolean(),
        (steps, size, start, hasEventIdx) => {
          const memory = ram(memorySize, windowSize);
          const driver = new KindOfDriver(memory, size, hasEventIdx);
          const dma = new GuestDma(memory);
          let ring = driver.open(dma, { longestChain: 8 }) as Ring;
          driver.moveTo(start, ring);
          let next = data;
          const added: { id: number; request: Request; pieces: Piece[]; content: Uint8Array }[] = [];
          const popped: { chain: Chain; entry: (typeof added)[number] }[] = [];
          let taken = 0;
          for (const each of steps) {
            if (each.kind === 'add') {
              const { readable, writable, isIndirect } = each.request;
              const total = [...readable, ...writable].reduce((sum, length) => sum + length, 0);
              if (next + total > memorySize) next = data;
              if (added.length - taken > 0 && next === data) continue;
              const pieces = [...readable, ...writable].map((length, i) => {
                const address = next;
                next += length;
                return { address, length, isWritable: i >= readable.length };
              });
              const size8 = pieces.slice(0, readable.length).reduce((sum, { length }) => sum + length, 0);
              const content = Uint8Array.from({ length: size8 }, (__, i) => (i * 7 + added.length) & 0xff);
              if (size8 > 0) memory.write((pieces[0] as Piece).address, content);
              const id = driver.add(pieces, isIndirect ? tables + 0x100 * (added.length % 8) : undefined);
              if (id !== undefined) added.push({ id, request: each.request, pieces, content });
            } else if (each.kind === 'pop') {
              const chain = ring.pop(ring.createChain());
              const entry = added[taken];
              expect(chain === undefined).toBe(entry === undefined);
              if (chain === undefined || entry === undefined) continue;
              taken++;
              const got = new Uint8Array(entry.content.length + 3);
              expect(chain.readInto(0, got)).toBe(entry.content.length);
              expect(got.subarray(0, entry.content.length)).toEqual(entry.content);
              expect(chain.readableLength).toBe(entry.content.length);
              expect(chain.writableLength).toBe(entry.request.writable.reduce((sum, length) => sum + length, 0));
              popped.push({ chain, entry });
            } else if (each.kind === 'unpop') {
              if (popped.length === 0 || popped.at(-1)?.entry !== added[taken - 1]) continue;
              ring.unpop((popped.pop() as (typeof popped)[number]).chain);
              taken--;
            } else if (each.kind === 'push') {
              const at = each.which % Math.max(1, popped.length);
              const [done] = popped.splice(at, 1);
              if (done === undefined) continue;
              const answer = Uint8Array.from({ length: done.chain.writableLength }, (__, i) => (i * 3 + at) & 0xff);
              expect(done.chain.write(0, answer)).toBe(answer.length);
              ring.push(done.chain, answer.length);
              expect(driver.used()).toEqual({ id: done.entry.id, length: answer.length });
              const first = done.entry.pieces.find(({ isWritable }) => isWritable);
              if (first !== undefined) expect(memory.read(first.address, answer.length)).toEqual(answer);
            } else if (popped.length === 0) {
              // The queue of a machine that was saved and restored.
              const moved = driver.open(dma, { longestChain: 8 }) as Ring;
              moved.load(JSON.parse(JSON.stringify(ring.save())));
              ring = moved;
            }
          }
          expect(driver.used()).toBeUndefined();
        },
      ),
    );
  });

  test('interrupts as the driver says, once for a batch', () => {
    const { driver, ring, interrupts } = make();
    const use = (count: number): void => {
      for (let i = 0; i < count; i++) driver.add([piece(4)]);
      for (let chain = ring.pop(); chain !== undefined; chain = ring.pop()) ring.push(chain, 0);
      ring.signal();
      while (driver.used() !== undefined);
    };
    use(3);
    expect(interrupts()).toBe(1);
    ring.signal();
    expect(interrupts()).toBe(1);
    driver.setInterrupts(false);
    use(2);
    expect(interrupts()).toBe(1);
    driver.setInterrupts(true);
    use(1);
    expect(interrupts()).toBe(2);
  });

  test('interrupts for the chain that the driver has named by EVENT_IDX, and for no other', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 8 })), { maxLength: 40 }),
        fc.nat(70_000),
        (batches, start) => {
          const { driver, ring, interrupts } = make(8, true);
          driver.moveTo(start, ring);
          let expected = 0;
          for (const [after, count] of batches) {
            driver.wantAfter(after);
            for (let i = 0; i < count; i++) driver.add([piece(4)]);
            for (let chain = ring.pop(); chain !== undefined; chain = ring.pop()) ring.push(chain, 0);
            ring.signal();
            if (after <= count) expected++;
            expect(interrupts()).toBe(expected);
            while (driver.used() !== undefined);
          }
        },
      ),
    );
  });

  test.each([false, true])('asks for the doorbell only when it sleeps (EVENT_IDX: %s)', (hasEventIdx) => {
    const { driver, ring } = make(8, hasEventIdx);
    expect(ring.listen()).toBe(false);
    driver.add([piece(4)]);
    expect(driver.mustRing).toBe(true);
    ring.suppress();
    driver.add([piece(4)]);
    expect(driver.mustRing).toBe(false);
    // Two came in before it listened: they would never be rung for.
    expect(ring.listen()).toBe(true);
    while (ring.pop() !== undefined);
    expect(ring.listen()).toBe(false);
    driver.add([piece(4)]);
    expect(driver.mustRing).toBe(true);
  });

  test('gives no more chains than fit it at once, if that is its limit', () => {
    const memory = ram(memorySize);
    const driver = new KindOfDriver(memory, 4, false);
    let spent = 0;
    const ring = driver.open(new GuestDma(memory), { spent: () => spent++ }) as Ring;
    const take = (): number => {
      let count = 0;
      for (let chain = ring.pop(); chain !== undefined; chain = ring.pop()) {
        ring.push(chain, 0);
        driver.used();
        driver.add([piece(1)]);
        count++;
      }
      return count;
    };
    driver.add([piece(1)]);
    expect([take(), spent, ring.listen()]).toEqual([4, 1, false]);
    ring.refill();
    expect([take(), spent]).toEqual([4, 2]);
  });

  test.each([undefined, tables])('reads each word of its descriptors once (table at %s)', (table) => {
    const memory = ram(memorySize);
    const driver = new KindOfDriver(memory, 8, true);
    const dma = recordingDma(new GuestDma(memory));
    const ring = driver.open(dma, {}) as Ring;
    driver.add([piece(4, false), piece(8, false), piece(4)], table);
    expect(ring.pop()?.segments).toBe(3);
    const read = [...dma.reads].filter(([at]) => at < areas.driverArea || at >= tables);
    expect(read.length).toBeGreaterThanOrEqual(12);
    for (const [at, count] of read) expect([at, count]).toEqual([at, 1]);
  });

  test('stops: nothing comes out, and nothing goes in', () => {
    const { driver, ring, interrupts } = make();
    driver.add([piece(4)]);
    driver.add([piece(4)]);
    const chain = ring.pop() as Chain;
    ring.stop();
    expect([ring.pop(), ring.listen()]).toEqual([undefined, false]);
    ring.push(chain, 4);
    ring.signal();
    ring.suppress();
    expect([driver.used(), interrupts()]).toEqual([undefined, 0]);
  });

  test.each<[string, Piece[], number?]>([
    ['a buffer outside memory', [{ address: memorySize - 2, length: 4, isWritable: true }]],
    ['a buffer at the end of all addresses', [{ address: 2 ** 53, length: 0xffff_ffff, isWritable: true }]],
    ['a readable buffer after a writable one', [piece(4, true), piece(4, false)]],
    ['an indirect table outside memory', [piece(4)], memorySize - 8],
    ['an indirect table that is longer than the ring', Array.from({ length: 9 }, () => piece(1)), tables],
  ])('needs a reset after %s, and gives nothing back', (__, pieces, table) => {
    const memory = ram(memorySize + 0x1000);
    const driver = new KindOfDriver(memory, 8, false);
    let broken = 0;
    const dma = recordingDma(new GuestDma(memory), { end: memorySize });
    const ring = driver.open(dma, { needsReset: () => broken++ }) as Ring;
    driver.add([piece(4)]);
    expect(driver.add(pieces, table)).toBeDefined();
    const chain = ring.pop() as Chain;
    expect([ring.pop(), broken]).toEqual([undefined, 1]);
    ring.push(chain, 0);
    expect([driver.used(), ring.pop(), broken]).toEqual([undefined, undefined, 1]);
  });
});
