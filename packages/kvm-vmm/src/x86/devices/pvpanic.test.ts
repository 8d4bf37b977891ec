import { expect, test } from 'vitest';
import { Pvpanic } from './pvpanic.js';

test('a read names the events that it knows', () => {
  expect(new Pvpanic().read(0, 1)).toBe(7);
});

test.each([
  ['a panic', 1, { kind: 'guest-panic' }, false],
  ['a panic that a crash kernel handles', 2, undefined, true],
  ['a shutdown', 4, { kind: 'power-off' }, false],
  ['an unknown event', 0xf8, undefined, false],
  ['a panic and a shutdown', 5, { kind: 'guest-panic' }, false],
])('%s has its outcome', (_, events, outcome, crashLoaded) => {
  const device = new Pvpanic();
  device.write(0, 1, events);
  expect(device.outcome).toEqual(outcome);
  expect(device.crashLoaded).toBe(crashLoaded);
  const restored = new Pvpanic();
  restored.load(JSON.parse(JSON.stringify(device.save())));
  expect([restored.outcome, restored.crashLoaded]).toEqual([outcome, crashLoaded]);
});

test.each([{ version: 2 }, { outcome: 'reboot' }, { outcome: undefined }, { crashLoaded: 1 }, { other: 0 }])(
  'a state with %o is refused, and changes nothing',
  (fields) => {
    const device = new Pvpanic();
    device.write(0, 1, 1);
    const good = device.save();
    expect(() => device.load({ ...good, ...fields } as never)).toThrow();
    expect(device.save()).toEqual(good);
  },
);
