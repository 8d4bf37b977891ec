import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ByteRing } from './byte-ring.js';
import { RingPump, type Sink } from './ring-pump.js';

test('bytes reach the sink after wake, and after finish without it', async () => {
  const ring = ByteRing.allocate(16);
  const got: number[] = [];
  const pump = new RingPump(ring, { write: (bytes) => got.push(...bytes), full: false, drained: async () => {} });
  await turn();
  ring.write(Uint8Array.of(1, 2));
  expect(ring.takeSleepingReader()).toBe(true);
  pump.wake();
  await turn();
  expect(got).toEqual([1, 2]);
  ring.write(Uint8Array.of(3));
  await pump.finish();
  expect(got).toEqual([1, 2, 3]);
});

test('while the sink is full, the ring is not read, so its writer waits', async () => {
  const ring = ByteRing.allocate(4);
  const got: number[] = [];
  let drain = (): void => {};
  const sink: Sink = {
    write: (bytes) => got.push(...bytes),
    full: true,
    drained: () => new Promise((resolve) => (drain = resolve)),
  };
  const pump = new RingPump(ring, sink);
  ring.write(Uint8Array.of(1, 2, 3, 4));
  pump.wake();
  await turn();
  ring.write(Uint8Array.of(5, 6, 7, 8));
  pump.wake();
  await turn();
  expect([got, ring.room]).toEqual([[1, 2, 3, 4], 0]);
  drain();
  await turn();
  expect([got, ring.room]).toEqual([[1, 2, 3, 4, 5, 6, 7, 8], 4]);
});
