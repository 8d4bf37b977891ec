import { KvmError } from '@kvm/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PmTimer, pmTimerFrequency } from './pm-timer.js';

const second = 1_000_000_000n;

test('it counts 3,579,545 ticks a second', () => {
  let now = 0n;
  const timer = new PmTimer({ clock: () => now });
  expect(timer.read(0, 4)).toBe(0);
  now = second;
  expect(timer.read(0, 4)).toBe(pmTimerFrequency);
  now = 3600n * second;
  expect(timer.read(0, 4)).toBe((3600 * pmTimerFrequency) % 2 ** 32);
  expect(new PmTimer({ clock: () => now, width: 24 }).read(0, 4)).toBe((3600 * pmTimerFrequency) % 2 ** 24);
});

test('a narrow access reads a part, and a write changes nothing', () => {
  const timer = new PmTimer({ clock: () => 0n, offset: 0x1234_5678 });
  timer.write();
  expect([timer.read(0, 1), timer.read(1, 2), timer.read(2, 2)]).toEqual([0x78, 0x3456, 0x1234]);
});

test('timers of the same clock and offset are equal, also after a load by one of them', () => {
  const time = fc.bigInt({ min: 0n, max: 1n << 58n });
  fc.assert(
    fc.property(fc.constantFrom<24 | 32>(24, 32), time, time, fc.nat(0xff_ffff), (width, start, later, counter) => {
      let now = start;
      const clock = () => now;
      const timer = new PmTimer({ width, clock });
      timer.load({ version: 1, counter });
      expect(timer.read(0, 4)).toBe(counter);
      expect(timer.save()).toEqual({ version: 1, counter });
      const other = new PmTimer({ width, clock, offset: timer.offset });
      now += later;
      expect(other.read(0, 4)).toBe(timer.read(0, 4));
    }),
  );
});

test('it never goes back, by the default clock', () => {
  const timer = new PmTimer({ offset: 0 });
  const values = Array.from({ length: 1000 }, () => timer.read(0, 4));
  expect(values.every((value, i) => i === 0 || (value - (values[i - 1] as number)) >>> 0 < 2 ** 31)).toBe(true);
});

test.each([{ width: 16 }, { clock: 5 }, { offset: -1 }, { width: 24, offset: 2 ** 24 }, { port: 0xfffd }])(
  'the options %o are refused',
  (options) => {
    expect(() => new PmTimer(options as never)).toThrow(KvmError);
  },
);

test('a counter wider than the timer is refused', () => {
  const timer = new PmTimer({ width: 24, clock: () => 0n });
  expect(() => timer.load({ version: 1, counter: 2 ** 24 })).toThrow('counter must be');
});
