import { KvmError } from '@kvm/core';
import { expect, test } from 'vitest';
import { InterruptLine } from '../../../devices/interrupt-line.js';
import { I8042 } from './i8042.js';

function controller() {
  const line = new InterruptLine();
  const device = new I8042({ line });
  return {
    device,
    line,
    status: (): number => device.read(0, 1, 1),
    /** Gives a command, and returns its answer. */
    command(command: number, data?: number): number {
      device.write(0, 1, command, 1);
      if (data !== undefined) device.write(0, 1, data, 0);
      return device.read(0, 1, 0);
    },
  };
}

test.each([
  ['the pulse of its line', (device: I8042) => device.write(0, 1, 0xfe, 1)],
  [
    'the output port',
    (device: I8042) => {
      device.write(0, 1, 0xd1, 1);
      device.write(0, 1, 0x02, 0);
    },
  ],
])('%s resets the machine', (_, act) => {
  const { device } = controller();
  for (const command of [0xff, 0xf1, 0xd1]) device.write(0, 1, command, 1);
  device.write(0, 1, 0x03, 0);
  expect(device.outcome).toBeUndefined();
  act(device);
  expect(device.outcome).toEqual({ kind: 'reboot' });
});

test('it is idle and ready for a command, unlike a port where nothing answers', () => {
  const { status } = controller();
  expect(status()).toBe(0x14);
});

test('a probe gets its answers at once: self test passed, first port right, no second port', () => {
  const { command, status } = controller();
  expect([command(0xaa), command(0xab), command(0xa9)]).toEqual([0x55, 0, 2]);
  // Linux sends 0x5a around the second port, and looks for the flag of that port beside it.
  const { device } = controller();
  device.write(0, 1, 0xd3, 1);
  device.write(0, 1, 0x5a, 0);
  expect(device.read(0, 1, 1) & 0x21).toBe(0x01);
  expect(status() & 0x01).toBe(0);
});

test('the command byte can be read, written, and changed by the commands that disable a port', () => {
  const { command, device } = controller();
  expect(command(0x20)).toBe(0x74);
  for (const enable of [0xae, 0xa8]) device.write(0, 1, enable, 1);
  expect(command(0x20)).toBe(0x44);
  for (const disable of [0xad, 0xa7]) device.write(0, 1, disable, 1);
  expect(command(0x20)).toBe(0x74);
  command(0x60, 0x47);
  expect(command(0x20)).toBe(0x47);
});

test('a byte for the absent keyboard is answered by a timeout, with an interrupt if enabled', () => {
  const { device, line, status, command } = controller();
  device.write(0, 1, 0xf2, 0);
  expect([status(), line.level]).toEqual([0x55, false]);
  expect(device.read(0, 1, 0)).toBe(0xfe);
  command(0x60, 0x45);
  device.write(0, 1, 0xf2, 0);
  expect(line.level).toBe(true);
  device.read(0, 1, 0);
  expect([status(), line.level]).toEqual([0x14, false]);
  command(0x60, 0x47);
  device.write(0, 1, 0xd4, 1);
  device.write(0, 1, 0xf2, 0);
  expect([status(), line.level]).toEqual([0x75, false]);
});

test('a saved state keeps a command that waits for its byte, and the interrupt', () => {
  const { device, command } = controller();
  command(0x60, 0x45);
  device.write(0, 1, 0xf2, 0);
  device.write(0, 1, 0xd1, 1);
  const restored = controller();
  restored.device.load(JSON.parse(JSON.stringify(device.save())));
  expect(restored.line.level).toBe(true);
  restored.device.write(0, 1, 0, 0);
  expect(restored.device.outcome).toEqual({ kind: 'reboot' });
});

test.each([{ control: 256 }, { status: 0x02 }, { output: -1 }, { command: 0xaa }, { isReset: 0 }, { version: 0 }])(
  'a state with %o is refused, and changes nothing',
  (fields) => {
    const { device } = controller();
    const good = device.save();
    expect(() => device.load({ ...good, ...fields } as never)).toThrow(KvmError);
    expect(device.save()).toEqual(good);
  },
);
