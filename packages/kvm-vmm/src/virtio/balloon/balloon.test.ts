import { KvmError } from '@kvm/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kinds, SplitDriver } from '../../../test/virtio-driver.js';
import { TestQueue } from '../../../test/virtio-queue.js';
import {
  VIRTIO_BALLOON_F_DEFLATE_ON_OOM,
  VIRTIO_BALLOON_F_MUST_TELL_HOST,
  VIRTIO_BALLOON_F_REPORTING,
  VIRTIO_BALLOON_F_STATS_VQ,
  VIRTIO_BALLOON_S_AVAIL,
  VIRTIO_BALLOON_S_NR,
} from '../../abi/virtio/constants.js';
import { bit, has } from '../features.js';
import { VirtioBalloon } from './balloon.js';
import { allocateWords, Word } from './balloon-plan.js';

const pages = 32;
const everything = [VIRTIO_BALLOON_F_MUST_TELL_HOST, VIRTIO_BALLOON_F_STATS_VQ, VIRTIO_BALLOON_F_REPORTING].reduce(
  (set, feature) => set | bit(feature),
  0n,
);

function balloonOf(Kind = SplitDriver as (typeof kinds)[number][1], fail = false, pages = 32) {
  const words = allocateWords();
  const seen = { reported: 0, changes: 0 };
  const given: number[][] = [];
  const memory = {
    size: pages * 4096,
    discard: (offset = 0, length = 0) => {
      given.push([offset / 4096, length / 4096]);
      if (fail) throw new KvmError('ERR_KVM_SYSCALL', 'a huge page');
    },
  };
  const device = new VirtioBalloon({
    name: 'balloon0',
    deflateOnOom: true,
    reporting: true,
    ...words,
    memory,
    reported: () => void seen.reported++,
  });
  device.attach({ configChanged: () => void seen.changes++, needsReset: () => {}, usedChains: () => {} });
  const queues = Array.from({ length: 4 }, () => new TestQueue(Kind));
  const queue = (index: number): TestQueue => queues[index] as TestQueue;
  const start = (features = everything): void => {
    device.activate(
      queues.map(({ ring }) => ring),
      features,
    );
    for (const index of queues.keys()) device.notify(index);
  };
  const name = (index: number, ...numbers: number[]): void => {
    queue(index).send(new Uint8Array(Uint32Array.from(numbers).buffer));
    device.notify(index);
    expect(queue(index).take()?.length).toBe(0);
  };
  return { ...words, seen, given, device, queue, start, name };
}

/** Statistics as a driver sends them. */
function statistics(...entries: [tag: number, value: bigint][]): Uint8Array {
  const view = new DataView(new ArrayBuffer(10 * entries.length));
  for (const [i, [tag, value]] of entries.entries()) {
    view.setUint16(10 * i, tag, true);
    view.setBigUint64(10 * i + 2, value, true);
  }
  return new Uint8Array(view.buffer);
}

describe.each(kinds)('a balloon with %s queues', (_, Kind) => {
  test('gives back the pages that the guest names, those that lie together at once', () => {
    const { given, start, name } = balloonOf(Kind);
    start();
    name(0, 5, 6, 7, 9, 4, 3, 20);
    expect(given).toEqual([
      [5, 3],
      [9, 1],
      [3, 2],
      [20, 1],
    ]);
    given.length = 0;
    name(0, 1, 1, 1);
    name(1, 5, 6, 7);
    expect(given).toEqual([
      [1, 1],
      [1, 1],
      [1, 1],
    ]);
  });

  test('gives back what the guest reports as free', () => {
    const { device, given, queue, start } = balloonOf(Kind);
    start();
    // Of these 5000 bytes at 0x8000, one page.
    queue(3).offer(5000);
    // Less than a page is none.
    queue(3).offer(4095);
    device.notify(3);
    expect([given, queue(3).take()?.length, queue(3).take()?.length]).toEqual([[[8, 1]], 0, 0]);
  });

  test('keeps the statistics, and asks for new ones when the program does', () => {
    const { device, queue, start, words, stats, seen } = balloonOf(Kind);
    start();
    queue(2).send(statistics([VIRTIO_BALLOON_S_AVAIL, 7n], [999, 1n]));
    device.notify(2);
    device.hostChanged();
    expect([stats[VIRTIO_BALLOON_S_AVAIL], words[Word.Known], seen.reported, queue(2).take()]).toEqual([
      7n,
      1 << VIRTIO_BALLOON_S_AVAIL,
      0,
      undefined,
    ]);
    Atomics.add(words, Word.Wanted, 1);
    device.hostChanged();
    expect([queue(2).take()?.length, seen.reported]).toEqual([0, 0]);
    queue(2).send(statistics([VIRTIO_BALLOON_S_AVAIL, 2n ** 64n - 1n]));
    device.notify(2);
    expect([stats[VIRTIO_BALLOON_S_AVAIL], words[Word.Served], seen.reported]).toEqual([2n ** 64n - 1n, 1, 1]);
    // A request before the driver was ready is answered by its first numbers.
    device.reset();
    Atomics.add(words, Word.Wanted, 1);
    device.hostChanged();
    start();
    expect([words[Word.Served], seen.reported]).toEqual([2, 2]);
  });
});

test('tells the driver how much the program wants, and the program how much there is', () => {
  const { device, words, seen } = balloonOf();
  Atomics.store(words, Word.Target, 5);
  device.hostChanged();
  device.hostChanged();
  expect([device.config[0], seen.changes]).toEqual([5, 1]);
  device.writeConfig(0, 4, 9);
  device.writeConfig(5, 4, 9);
  device.writeConfig(4, 2, 9);
  device.writeConfig(4, 4, 0xffff_fffe);
  expect([device.config[0], (words[Word.Actual] as number) >>> 0]).toEqual([5, 0xffff_fffe]);
  device.reset();
  expect([device.config[0], words[Word.Actual]]).toEqual([5, 0]);
});

test.each([
  [true, false],
  [false, true],
])(
  'offers to deflate under pressure (%s) and to report free pages (%s) if that is wanted',
  (deflateOnOom, reporting) => {
    const memory = { size: 0, discard: () => {} };
    const parts = { ...allocateWords(), name: 'b', memory, reported: () => {} };
    const { features, queueSizes } = new VirtioBalloon({ ...parts, deflateOnOom, reporting });
    expect(has(features, VIRTIO_BALLOON_F_DEFLATE_ON_OOM)).toBe(deflateOnOom);
    expect([has(features, VIRTIO_BALLOON_F_REPORTING), queueSizes.length]).toEqual([reporting, reporting ? 4 : 3]);
  },
);

test('a driver without statistics has reporting as its third queue; without reporting it has none', () => {
  const { device, given, queue, start } = balloonOf();
  start(bit(VIRTIO_BALLOON_F_REPORTING));
  queue(2).offer(4096);
  queue(3).offer(4096);
  for (const index of [2, 3]) device.notify(index);
  expect(given).toEqual([[8, 1]]);
  start(0n);
  for (const index of [2, 3]) {
    queue(index).offer(4096);
    device.notify(index);
  }
  expect(given).toEqual([[8, 1]]);
});

test('leaves free pages alone whose content the driver wants to find', () => {
  const { device, given, queue, start } = balloonOf();
  start();
  device.writeConfig(12, 4, 0xaaaa_aaaa);
  queue(3).offer(4096);
  device.notify(3);
  expect([given, queue(3).take()?.length]).toEqual([[], 0]);
});

test('a block of 2 MiB goes back as a whole once all of its pages are in the balloon', () => {
  const every = (first: number, count: number): number[] => Array.from({ length: count }, (_, i) => first + 2 * i);
  const blocks = (features: bigint): number[][] => {
    const { given, start, name } = balloonOf(undefined, true, 1536);
    start(features);
    name(0, ...every(512, 256));
    name(1, 514, 514, 2000);
    name(0, ...every(513, 256), 513, 515);
    expect(given.every(([, count]) => count === 1)).toBe(true);
    name(0, 514);
    return given.filter(([, count]) => count !== 1);
  };
  expect(blocks(everything)).toEqual([[512, 512]]);
  // A driver that need not tell may use a page again already.
  expect(blocks(0n)).toEqual([]);
});

test('a host that cannot take a page back keeps it', () => {
  const { given, start, name } = balloonOf(undefined, true);
  start();
  name(0, 1, 3);
  expect(given.length).toBe(2);
});

test('saves what the driver has set', () => {
  const { device, start } = balloonOf();
  start();
  device.writeConfig(4, 4, 3);
  device.writeConfig(12, 4, 1);
  const saved = JSON.parse(JSON.stringify(device.save()));
  const after = balloonOf();
  after.device.load(saved);
  expect([after.device.save(), after.words[Word.Actual]]).toEqual([saved, 3]);
  for (const wrong of [{ version: 2 }, { version: 1 }, { ...saved, actual: -1 }]) {
    expect(() => after.device.load(wrong)).toThrow(KvmError);
  }
});

const number = fc.oneof(
  fc.nat(pages + 2),
  fc.constantFrom(0xffff_ffff, 0x8000_0000, 2 ** 20 - 1, 2 ** 20, 2 ** 20 + 1),
  fc.nat(0xffff_ffff),
);

test('page numbers of a hostile guest give back its own memory, each page that it names, and nothing else', () => {
  fc.assert(
    fc.property(fc.array(number, { maxLength: 1000 }), fc.nat(3), (numbers, cut) => {
      const { device, given, queue, start } = balloonOf();
      start();
      const bytes = new Uint8Array(Uint32Array.from(numbers).buffer);
      queue(0).send(bytes.subarray(0, Math.max(0, bytes.length - cut)));
      device.notify(0);
      expect(queue(0).take()?.length).toBe(0);
      const whole = cut === 0 ? numbers : numbers.slice(0, -1);
      const taken = given.flatMap(([first = 0, count = 0]) => Array.from({ length: count }, (_, i) => first + i));
      expect(new Set(taken)).toEqual(new Set(whole.filter((each) => each < pages)));
      for (const [, count] of given) expect(count).toBeGreaterThan(0);
    }),
    { numRuns: 500 },
  );
});

const step = fc.oneof(
  fc.record({ send: fc.nat(3), numbers: fc.array(number, { maxLength: 16 }) }),
  fc.record({ offer: fc.nat(3), length: fc.constantFrom(0, 10, 0x1000, 0x1800) }),
  fc.record({ offset: fc.nat(20), value: fc.nat(0xffff_ffff) }),
  fc.record({ features: fc.nat(63) }),
  fc.constantFrom('host', 'reset', 'take' as const),
);

test('whatever a hostile driver does with its queues, at most its memory goes back', () => {
  let kept = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { device, given, queue, start, words, stats } = balloonOf();
      start();
      for (const each of steps) {
        if (each === 'host') {
          Atomics.add(words, Word.Wanted, 1);
          device.hostChanged();
        } else if (each === 'reset') {
          device.reset();
          start();
        } else if (each === 'take') {
          for (let index = 0; index < 4; index++) while (queue(index).take() !== undefined);
        } else if ('send' in each) queue(each.send).send(new Uint8Array(Uint32Array.from(each.numbers).buffer));
        else if ('offer' in each) queue(each.offer).offer(each.length);
        else if ('offset' in each) device.writeConfig(each.offset, 4, each.value);
        else start(BigInt(each.features));
        for (let index = 0; index < 4; index++) device.notify(index);
      }
      expect(stats.length).toBe(VIRTIO_BALLOON_S_NR);
      for (const [first = -1, count = -1] of given) {
        expect(first).toBeGreaterThanOrEqual(0);
        expect(count).toBeGreaterThan(0);
        expect(first + count).toBeLessThanOrEqual(pages);
        kept++;
      }
    }),
    { numRuns: 1000 },
  );
  expect(kept).toBeGreaterThan(20);
});
