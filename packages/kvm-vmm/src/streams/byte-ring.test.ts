import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteRing } from './byte-ring.js';

const step = fc.oneof(
  fc.record({ write: fc.uint8Array({ maxLength: 24 }) }),
  fc.record({ read: fc.integer({ min: 0, max: 24 }) }),
);

test('bytes are read in the order in which they were written, and never more are written than fit', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), fc.constantFrom(1, 8, 16), (steps, capacity) => {
      const ring = ByteRing.allocate(capacity);
      const other = new ByteRing(ring.shared);
      const inside: number[] = [];
      for (const each of steps) {
        if ('write' in each) {
          const length = ring.write(each.write);
          expect(length).toBe(Math.min(each.write.length, capacity - inside.length));
          inside.push(...each.write.subarray(0, length));
        } else {
          expect([...other.read(each.read)]).toEqual(inside.splice(0, each.read));
        }
        expect([other.available, ring.room]).toEqual([inside.length, capacity - inside.length]);
      }
    }),
  );
});

test('the counts wrap around at 32 bits', () => {
  const ring = ByteRing.allocate(8);
  ring.shared.words.fill(0x7fff_fffe, 0, 2);
  for (let i = 0; i < 8; i++) {
    expect(ring.write(Uint8Array.of(i, i, i))).toBe(3);
    expect(ring.available).toBe(3);
    expect([...ring.read()]).toEqual([i, i, i]);
  }
});

test('a sleeper is reported once, and does not sleep when there is something to do', () => {
  const ring = ByteRing.allocate(1);
  expect(ring.takeSleepingReader()).toBe(false);
  expect(ring.sleepAsReader()).toBe(true);
  ring.write(Uint8Array.of(1));
  expect(ring.sleepAsReader()).toBe(false);
  expect([ring.takeSleepingReader(), ring.takeSleepingReader()]).toEqual([true, false]);
  expect(ring.sleepAsWriter()).toBe(true);
  ring.read();
  expect(ring.sleepAsWriter()).toBe(false);
  expect([ring.takeSleepingWriter(), ring.takeSleepingWriter()]).toEqual([true, false]);
});

test('a writer sleeps until there is room for all that it wants to write', () => {
  const ring = ByteRing.allocate(4);
  ring.write(Uint8Array.of(1, 2));
  expect([ring.sleepAsWriter(2), ring.sleepAsWriter(3)]).toEqual([false, true]);
});
