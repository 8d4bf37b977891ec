import { KvmError } from '@kvm/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InterruptLine } from '../../../devices/interrupt-line.js';
import { nextAlarm } from './alarm.js';
import { Rtc, type RtcOptions } from './rtc.js';
import { storeTime, timeOf } from './time.js';

const [A, B, C, D] = [0x0a, 0x0b, 0x0c, 0x0d];
const start = Date.UTC(2026, 10, 30, 15, 4, 59);

/** An RTC and a clock that stands until it is moved. */
function board(options: RtcOptions = {}) {
  const clock = { now: start };
  const line = new InterruptLine();
  const rtc = new Rtc({ clock: () => clock.now, line, ...options });
  return {
    rtc,
    line,
    clock,
    read(index: number): number {
      rtc.write(0, 1, index);
      return rtc.read(1, 1);
    },
    write(index: number, value: number): void {
      rtc.write(0, 1, index);
      rtc.write(1, 1, value);
    },
  };
}

/** Century, year, month, day, weekday, hour, minute and second. */
const timeIndices = [0x32, 9, 8, 7, 6, 4, 2, 0];

test('the time of the clock is read in BCD and 24 hours', () => {
  const { read } = board();
  expect(timeIndices.map(read)).toEqual([0x20, 0x26, 0x11, 0x30, 2, 0x15, 0x04, 0x59]);
  expect(read(D)).toBe(0x80);
});

test('register B changes the time to binary and to 12 hours, without setting it', () => {
  const { read, write } = board();
  write(B, 0x06);
  expect(timeIndices.map(read)).toEqual([20, 26, 11, 30, 2, 15, 4, 59]);
  write(B, 0x00);
  expect(read(4)).toBe(0x83);
  write(B, 0x02);
  expect(read(4)).toBe(0x15);
});

test('UIP announces a change of the seconds', () => {
  const { clock, read } = board();
  expect(read(A)).toBe(0x26);
  clock.now += 999;
  expect(read(A)).toBe(0xa6);
  clock.now += 1;
  expect([read(A), read(0)]).toEqual([0x26, 0]);
});

test('SET stops the time until the guest has written another one', () => {
  const { clock, read, write } = board();
  write(B, 0x82);
  clock.now += 5000;
  expect(timeIndices.map(read)).toEqual([0x20, 0x26, 0x11, 0x30, 2, 0x15, 0x04, 0x59]);
  for (const [i, value] of [0x19, 0x99, 0x12, 0x31, 6, 0x23, 0x59, 0x58].entries())
    write(timeIndices[i] as number, value);
  write(B, 0x02);
  clock.now += 2000;
  expect(timeIndices.map(read)).toEqual([0x20, 0x00, 0x01, 0x01, 7, 0, 0, 0]);
});

test('after a reset of the divider, as Linux sets the time, the next second is half a second away', () => {
  const { clock, read, write } = board();
  write(B, 0x82);
  write(A, 0x70);
  write(0, 0x10);
  write(B, 0x02);
  clock.now += 30_000;
  write(A, 0x26);
  expect(read(0)).toBe(0x10);
  clock.now += 499;
  expect(read(0)).toBe(0x10);
  clock.now += 1;
  expect(read(0)).toBe(0x11);
});

test('a time that is none is not taken on: the clock goes on as if it had not been stopped', () => {
  const { clock, read, write } = board();
  write(B, 0x82);
  write(8, 0x13);
  clock.now += 3000;
  write(B, 0x02);
  expect(timeIndices.map(read)).toEqual([0x20, 0x26, 0x11, 0x30, 2, 0x15, 0x05, 0x02]);
});

test('SET turns the update interrupt off, as in the data sheet', () => {
  const { read, write } = board();
  write(B, 0xf2);
  expect(read(B)).toBe(0xe2);
});

test('a field that is written while the time runs changes at once; one that is no BCD is ignored', () => {
  const { read, write } = board();
  write(2, 0x30);
  expect(timeIndices.map(read)).toEqual([0x20, 0x26, 0x11, 0x30, 2, 0x15, 0x30, 0x59]);
  write(8, 0x1a);
  write(7, 0x32);
  expect(timeIndices.map(read)).toEqual([0x20, 0x26, 0x11, 0x30, 2, 0x15, 0x30, 0x59]);
});

test('the memory is in CMOS: in KiB, in 64 KiB from 16 MiB on, and in 64 KiB from 4 GiB on', () => {
  const { read } = board({ memoryBelow4GiB: 3 * 2 ** 30, memoryAbove4GiB: 5 * 2 ** 30 });
  expect([read(0x15), read(0x16)]).toEqual([0x80, 0x02]);
  expect([read(0x17), read(0x18), read(0x30), read(0x31)]).toEqual([0xff, 0xff, 0xff, 0xff]);
  expect([read(0x34), read(0x35)]).toEqual([0x00, 0xbf]);
  expect([read(0x5b), read(0x5c), read(0x5d)]).toEqual([0x00, 0x40, 0x01]);
  const small = board({ memoryBelow4GiB: 2 ** 20 });
  expect([0x17, 0x18, 0x34, 0x35, 0x5b].map(small.read)).toEqual([0, 0, 0, 0, 0]);
});

test('other bytes are memory; bit 7 of the index is no part of it; registers C and D are read-only', () => {
  const { rtc, read, write } = board();
  write(0x8f, 0x0a);
  write(0x7f, 0x55);
  write(D, 0);
  expect([read(0x0f), read(0xff), read(D)]).toEqual([0x0a, 0x55, 0x80]);
  // The index cannot be read, and an access of two bytes is an index and its data.
  expect(rtc.read(0, 2)).toBe(0x80ff);
  rtc.write(0, 2, 0x77_7f);
  expect(read(0x7f)).toBe(0x77);
});

test('the flags of register C are cleared by a read', () => {
  const { clock, read, write } = board();
  write(A, 0x2f);
  read(C);
  clock.now += 1000;
  expect(read(C)).toBe(0x50);
  expect(read(C)).toBe(0);
});

test('the update interrupt is raised by update, and its time is known before', () => {
  const { rtc, clock, line, read, write } = board();
  clock.now += 300;
  expect(rtc.msUntilInterrupt()).toBeUndefined();
  write(B, 0x12);
  read(C);
  expect(rtc.msUntilInterrupt()).toBe(700);
  clock.now += 700;
  rtc.update();
  expect([line.level, rtc.msUntilInterrupt()]).toEqual([true, undefined]);
  expect(read(C) & 0x90).toBe(0x90);
  expect(line.level).toBe(false);
});

test('the periodic interrupt has the rate of register A', () => {
  const { rtc, clock, read, write } = board();
  write(A, 0x2a);
  write(B, 0x42);
  expect(rtc.msUntilInterrupt()).toBe(15.625);
  clock.now += 16;
  expect(read(C) & 0xc0).toBe(0xc0);
  write(A, 0x21);
  expect(rtc.msUntilInterrupt()).toBeLessThanOrEqual(1000 / 256);
  write(A, 0x20);
  expect(rtc.msUntilInterrupt()).toBeUndefined();
});

test('the alarm goes off at its time', () => {
  const { rtc, clock, read, write } = board();
  for (const [index, value] of [
    [5, 0x15],
    [3, 0x05],
    [1, 0x10],
  ] as const)
    write(index, value);
  write(B, 0x22);
  expect(rtc.msUntilInterrupt()).toBe(11_000);
  clock.now += 10_999;
  expect(read(C) & 0x20).toBe(0);
  clock.now += 1;
  expect(read(C) & 0xa0).toBe(0xa0);
  expect(rtc.msUntilInterrupt()).toBe(86_400_000);
});

const byte = fc.oneof(fc.nat(0xff), fc.constantFrom(0xc0, 0xff));
const format = fc.record({ isBinary: fc.boolean(), is24Hour: fc.boolean() });

test('the next alarm is the first second whose registers match', () => {
  fc.assert(
    fc.property(fc.tuple(byte, byte, byte), fc.nat(2 ** 31), format, (alarm, after, formatOfB) => {
      const registers = new Uint8Array(128);
      for (const [i, value] of alarm.entries()) registers[2 * i + 1] = value;
      const next = nextAlarm(registers, after, formatOfB);
      const matches = (time: number): boolean => {
        storeTime(registers, time, formatOfB);
        return alarm.every((value, i) => (value & 0xc0) === 0xc0 || registers[2 * i] === value);
      };
      if (next !== undefined) {
        expect(matches(next)).toBe(true);
        expect(next - after).toBeGreaterThan(0);
        expect(next - after).toBeLessThanOrEqual(86_400);
      }
      const end = Math.min(next ?? Number.POSITIVE_INFINITY, after + 4000);
      for (let time = after + 1; time < end; time++) if (matches(time)) expect(time).toBe(next);
    }),
    { numRuns: 50 },
  );
});

test('a time that is stored in any format is read back', () => {
  // From the year 0 to 9999.
  fc.assert(
    fc.property(fc.integer({ min: -62_167_219_200, max: 253_402_300_799 }), format, (time, formatOfB) => {
      const registers = new Uint8Array(128);
      storeTime(registers, time, formatOfB);
      expect(timeOf(registers, formatOfB)).toBe(time);
    }),
  );
});

test('a restored clock has the time that the guest had set, and what has passed since', () => {
  const { rtc, clock, write } = board();
  write(0, 0x10);
  const saved = JSON.parse(JSON.stringify(rtc.save()));
  const restored = board();
  restored.clock.now = clock.now + 20_000;
  restored.rtc.load(saved);
  expect(restored.read(0)).toBe(0x30);
});

test.each([
  { index: 256 },
  { flags: 0x80 },
  { offset: Number.NaN },
  { offset: 1e16 },
  { cmos: [1] },
  { cmos: 'x' },
  { cmos: new Array(128).fill(256) },
  { cmos: new Array(128).fill(0x80) },
  { version: 2 },
])('a state with %o is refused, and changes nothing', (fields) => {
  const { rtc } = board();
  const good = rtc.save();
  expect(() => rtc.load({ ...good, ...fields } as never)).toThrow(KvmError);
  expect(rtc.save()).toEqual(good);
});
