import { expect, test } from 'vitest';
import { DebugExit } from './debug-exit.js';

test('the low byte of the first write is the status', () => {
  const device = new DebugExit();
  expect(device.status).toBeUndefined();
  expect(device.read(0, 1)).toBe(0xff);
  device.write(0, 4, 0x1_0242);
  device.write(0, 1, 7);
  expect(device.status).toBe(0x42);
});
