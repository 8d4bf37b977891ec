import { expect, test } from 'vitest';
import { ram } from '../../test/ram.js';
import { SplitDriver } from '../../test/virtio-driver.js';
import { GuestDma } from '../memory/guest-dma.js';
import type { Ring } from './queue.js';
import { VirtioRng } from './rng.js';
import { TokenBucket } from './token-bucket.js';

function machine(bytesPerSecond: number) {
  const memory = ram(0x1_0000);
  const driver = new SplitDriver(memory, 8, false);
  const clock = { now: 0 };
  const rng = new VirtioRng({ name: 'rng0', bytesPerSecond, clock: () => clock.now });
  const ring = driver.open(new GuestDma(memory), {}) as Ring;
  rng.activate([ring]);
  const ask = (length: number, isWritable = true): void => {
    driver.add([{ address: 0x8000, length, isWritable }]);
    rng.notify();
  };
  return { memory, driver, rng, clock, ring, ask };
}

test('fills what the driver offers, each time with other bytes', () => {
  const { memory, driver, ask } = machine(1_000_000);
  const seen = new Set<string>();
  for (let i = 0; i < 20; i++) {
    ask(100);
    expect(driver.used()).toEqual({ id: i % 8, length: 100 });
    expect(memory.read(0x8000 + 100, 1)[0]).toBe(0);
    seen.add(Buffer.from(memory.read(0x8000, 100)).toString('hex'));
  }
  expect(seen.size).toBe(20);
  // It has a bound of its own, and nothing to write to is no reason to stop.
  ask(0x7000);
  expect(driver.used()?.length).toBe(4096);
  ask(16, false);
  expect(driver.used()?.length).toBe(0);
});

test('keeps to its rate, and goes on as time does', () => {
  const { driver, rng, clock, ask } = machine(1000);
  expect(rng.msUntilUpdate).toBe(Number.POSITIVE_INFINITY);
  ask(64);
  ask(64);
  expect([driver.used()?.length, driver.used()?.length]).toEqual([64, 36]);
  ask(64);
  expect([driver.used(), rng.msUntilUpdate]).toEqual([undefined, 1]);
  rng.update();
  expect(driver.used()).toBeUndefined();
  clock.now += 10;
  rng.update();
  expect([driver.used()?.length, rng.msUntilUpdate]).toEqual([10, Number.POSITIVE_INFINITY]);
  ask(64);
  rng.reset();
  clock.now += 1000;
  rng.update();
  rng.notify();
  expect([driver.used(), rng.msUntilUpdate]).toEqual([undefined, Number.POSITIVE_INFINITY]);
});

test('a bucket gives no more than its rate, however it is asked', () => {
  let now = 0;
  const bucket = new TokenBucket(100, () => now);
  let given = bucket.take(1e9);
  expect(given).toBe(10);
  for (let i = 0; i < 1000; i++) {
    now += 7;
    given += bucket.take(i % 3);
  }
  expect(given).toBeLessThanOrEqual(10 + 700);
  expect(given).toBeGreaterThan(690);
  expect(new TokenBucket(1, () => now).take(5)).toBe(1);
});
