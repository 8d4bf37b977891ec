import { KvmError } from '@kvm/core';
import { expect, test } from 'vitest';
import { ResetControl } from './reset-control.js';

test('a byte that starts a reset reboots, and only that', () => {
  const control = new ResetControl();
  control.write(0, 1, 0xfb);
  expect([control.read(), control.outcome]).toEqual([0x0a, undefined]);
  control.write(0, 1, 0x06);
  expect([control.read(), control.outcome]).toEqual([0x02, { kind: 'reboot' }]);
});

test.each([{ value: 4 }, { value: -1 }, { isReset: 1 }, { version: 2 }, { other: 0 }])(
  'a state with %o is refused, and changes nothing',
  (fields) => {
    const control = new ResetControl();
    const good = control.save();
    expect(() => control.load({ ...good, ...fields } as never)).toThrow(KvmError);
    expect(control.save()).toEqual(good);
  },
);
