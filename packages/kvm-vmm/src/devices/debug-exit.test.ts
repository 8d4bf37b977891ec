import { expect, test } from 'vitest';
import { DebugExit } from './debug-exit.js';

test('the low byte of the first write is the exit status', () => {
  const device = new DebugExit();
  expect(device.outcome).toBeUndefined();
  expect(device.read(0, 1)).toBe(0xff);
  device.write(0, 4, 0x1_0242);
  device.write(0, 1, 7);
  expect(device.outcome).toEqual({ kind: 'exit', status: 0x42 });
});

test('its port is 0xf4 unless it is set', () => {
  expect(new DebugExit().ranges).toEqual([{ bus: 'pio', start: 0xf4, length: 1 }]);
  expect(new DebugExit({ port: 0x501 }).ranges).toEqual([{ bus: 'pio', start: 0x501, length: 1 }]);
  expect(() => new DebugExit({ port: 0x1_0000 })).toThrow('port must be a whole number from 0 to 65535');
});

test('with the status of QEMU, a write of any size to four ports gives (value << 1) | 1', () => {
  const device = new DebugExit({ status: 'qemu' });
  expect(device.ranges).toEqual([{ bus: 'pio', start: 0xf4, length: 4 }]);
  device.write(0, 4, 0x8000_0021);
  expect(device.outcome).toEqual({ kind: 'exit', status: 0x43 });
  expect(() => new DebugExit({ status: 'linux' as never })).toThrow('"raw" or "qemu"');
});

test('a saved state restores the outcome', () => {
  const device = new DebugExit();
  const restored = new DebugExit();
  restored.load(device.save());
  expect(restored.outcome).toBeUndefined();
  device.write(0, 1, 7);
  restored.load(JSON.parse(JSON.stringify(device.save())));
  expect(restored.outcome).toEqual({ kind: 'exit', status: 7 });
  expect(() => restored.load({ version: 1, status: 256 })).toThrow('status must be a whole number from 0 to 255');
  expect(() => restored.load({ version: 2, status: 7 } as never)).toThrow('must be of version 1');
});
