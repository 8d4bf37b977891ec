import { KvmError } from '@kvm/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kinds, SplitDriver } from '../../../test/virtio-driver.js';
import { TestQueue } from '../../../test/virtio-queue.js';
import { ByteRing } from '../../streams/byte-ring.js';
import { VirtioConsole } from './console.js';
import { packSize } from './console-plan.js';

function consoleOf(Kind = SplitDriver as (typeof kinds)[number][1], capacity = 16) {
  const input = ByteRing.allocate(capacity);
  const output = ByteRing.allocate(capacity);
  const seen = { reads: 0, writes: 0, again: 0, started: 0, changes: 0 };
  const size = new Int32Array(new SharedArrayBuffer(4));
  const device = new VirtioConsole({
    name: 'console0',
    size,
    end: {
      input,
      output,
      wakeReader: () => void seen.reads++,
      wakeWriter: () => void seen.writes++,
      again: () => void seen.again++,
    },
    started: () => void seen.started++,
  });
  device.attach({ configChanged: () => void seen.changes++, needsReset: () => {}, usedChains: () => {} });
  const receive = new TestQueue(Kind);
  const transmit = new TestQueue(Kind);
  const start = (): void => {
    device.activate([receive.ring, transmit.ring]);
    device.notify(0);
    device.notify(1);
  };
  return { input, output, seen, size, device, receive, transmit, start };
}

const bytes = (length: number, from = 0): Uint8Array => Uint8Array.from({ length }, (_, i) => (from + i) & 0xff);

describe.each(kinds)('a console with a %s queue', (_, Kind) => {
  test('gives the guest its input as far as it has buffers, and no more than fits', () => {
    const { input, device, receive, seen, start } = consoleOf(Kind);
    start();
    expect(seen.started).toBe(1);
    input.write(bytes(10));
    device.hostChanged();
    expect(input.available).toBe(10);
    receive.offer(4);
    expect(receive.driver.mustRing).toBe(true);
    receive.offer(0);
    receive.offer(100);
    device.notify(0);
    expect([receive.take(), receive.take(), receive.take(), receive.take()]).toEqual([
      bytes(4),
      bytes(0),
      bytes(6, 4),
      undefined,
    ]);
    expect(receive.interrupts).toBeGreaterThan(0);
  });

  test('keeps what the guest writes while there is no room, and goes on when there is', () => {
    const { output, device, transmit, seen, start } = consoleOf(Kind);
    start();
    expect(output.sleepAsReader()).toBe(true);
    transmit.send(bytes(40));
    transmit.send(bytes(5, 40));
    device.notify(1);
    expect([transmit.take(), output.available, seen.reads]).toEqual([undefined, 16, 1]);
    const got: number[] = [];
    for (let tries = 0; got.length < 45 && tries < 100; tries++) {
      got.push(...output.read(7));
      if (output.takeSleepingWriter()) device.hostChanged();
    }
    expect(Uint8Array.from(got)).toEqual(bytes(45));
    expect([transmit.take()?.length, transmit.take()?.length, transmit.take()]).toEqual([0, 0, undefined]);
  });

  test('a stream is the same on both sides, however both cut it', () => {
    const lengths = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(lengths, lengths, (sent, buffers) => {
        const { input, output, device, receive, transmit, start } = consoleOf(Kind);
        start();
        const [there, back]: [number[], number[]] = [[], []];
        let [written, fed] = [0, 0];
        for (const [step, length] of sent.entries()) {
          if (transmit.send(bytes(length, written))) written += length;
          receive.offer(buffers[step % buffers.length] as number);
          fed += input.write(bytes(length, fed));
          for (const queue of [0, 1]) device.notify(queue);
          there.push(...output.read(11));
          device.hostChanged();
          while (transmit.take() !== undefined);
          for (let each = receive.take(); each !== undefined; each = receive.take()) back.push(...each);
        }
        for (let more = output.read(); more.length > 0; more = output.read()) {
          there.push(...more);
          device.hostChanged();
        }
        expect(Uint8Array.from(there)).toEqual(bytes(written));
        expect(Uint8Array.from(back)).toEqual(bytes(fed - input.available));
      }),
    );
  });

  test('saves how much of a chain the program has', () => {
    const before = consoleOf(Kind);
    before.start();
    before.transmit.send(bytes(40));
    before.device.notify(1);
    const saved = JSON.parse(JSON.stringify([before.device.save(), before.transmit.ring.save()]));
    const after = consoleOf(Kind, 64);
    after.device.load(saved[0]);
    after.device.activate([undefined, before.transmit.ring]);
    after.device.notify(1);
    expect([...before.output.read(), ...after.output.read()]).toEqual([...bytes(40)]);
    for (const wrong of [{ version: 2 }, { version: 1 }, { version: 1, port: { isOpen: true, sent: -1 } }]) {
      expect(() => after.device.load(wrong)).toThrow(KvmError);
    }
  });

  test('a driver that sends for ever gives others their turn', () => {
    const { output, device, transmit, seen, start } = consoleOf(Kind, 2 ** 20);
    start();
    // A chain that names the same 32 KiB eight times, and one more.
    const again = { address: 0x8000, length: 0x8000, isWritable: false };
    transmit.driver.add(
      Array.from({ length: 8 }, () => again),
      0x7000,
    );
    transmit.driver.add([again]);
    device.notify(1);
    expect([output.available, seen.again]).toEqual([2 ** 18, 1]);
    device.hostChanged();
    expect(output.available).toBe(2 ** 18 + 0x8000);
  });
});

test('a size is one change, and a driver is told of it', () => {
  const { size, device, seen } = consoleOf();
  const { config } = device;
  expect([...config]).toEqual([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
  Atomics.store(size, 0, packSize(300, 50_000));
  device.hostChanged();
  device.hostChanged();
  expect([config[0], config[1], config[2], config[3], seen.changes]).toEqual([44, 1, 80, 195, 1]);
});

test('an emergency write needs no queue, and does not wait', () => {
  const { device, output, seen } = consoleOf(undefined, 2);
  expect(output.sleepAsReader()).toBe(true);
  device.writeConfig(8, 4, 0x4142_4344);
  device.writeConfig(0, 2, 80);
  for (let i = 0; i < 10; i++) device.writeConfig(8, 1, 0x45);
  expect([...output.read(), seen.reads]).toEqual([0x44, 0x45, 1]);
  expect(device.config[0]).toBe(0);
});

test('after a reset nothing of before goes on', () => {
  const { input, output, device, receive, transmit, start } = consoleOf();
  start();
  receive.offer(8);
  transmit.send(bytes(40));
  device.notify(1);
  device.reset();
  output.read();
  input.write(bytes(4));
  device.hostChanged();
  device.notify(1);
  expect([output.available, receive.take(), transmit.take()]).toEqual([0, undefined, undefined]);
});
