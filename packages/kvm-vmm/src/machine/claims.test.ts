import { expect, test } from 'vitest';
import { Claims } from './claims.js';
import { words } from './control.js';

test('the ranges of the devices are the same in every thread', () => {
  const control = new Int32Array(new SharedArrayBuffer(words * 4));
  const shared = Claims.allocate();
  Claims.publish(
    [
      [{ bus: 'pio', start: 0x3f8, length: 8 }],
      [],
      [
        { bus: 'mmio', start: 0xd000_0000n, length: 0x1000n },
        { bus: 'pio', start: 0x80, length: 1 },
      ],
    ],
    shared,
    control,
  );
  const { pio, mmio } = new Claims(shared, control);
  expect([pio.find(0x3f8, 1), pio.find(0x3fc, 4), pio.find(0x80, 1)].map((claim) => claim?.owner)).toEqual([0, 0, 2]);
  expect([pio.find(0x3f7, 2), pio.find(0x3ff, 2), pio.find(0xd000_0000, 1)]).toEqual(Array(3).fill(undefined));
  expect(mmio.find(0xd000_0ff8, 8)?.owner).toBe(2);
  expect(mmio.find(0xd000_0ffc, 8)).toBeUndefined();
});
