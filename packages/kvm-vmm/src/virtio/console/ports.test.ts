import { KvmError } from '@kvm/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TestQueue } from '../../../test/virtio-queue.js';
import {
  VIRTIO_CONSOLE_CONSOLE_PORT,
  VIRTIO_CONSOLE_DEVICE_READY,
  VIRTIO_CONSOLE_PORT_ADD,
  VIRTIO_CONSOLE_PORT_NAME,
  VIRTIO_CONSOLE_PORT_OPEN,
  VIRTIO_CONSOLE_PORT_READY,
} from '../../abi/virtio/constants.js';
import { ByteRing } from '../../streams/byte-ring.js';
import type { Queue } from '../queue.js';
import { VirtioPorts } from './ports.js';

/** A device with these ports, and a driver with all its queues. */
function portsOf(...names: string[]) {
  const rings = names.map(() => ({ input: ByteRing.allocate(64), output: ByteRing.allocate(64) }));
  const device = new VirtioPorts(
    'ports0',
    names.map((name, i) => ({
      name,
      end: {
        ...(rings[i] as (typeof rings)[number]),
        wakeReader: () => {},
        wakeWriter: () => {},
        again: () => {},
      },
    })),
  );
  const queues = device.queueSizes.map(() => new TestQueue());
  const queue = (index: number): TestQueue => queues[index] as TestQueue;
  const start = (): void => {
    device.activate(queues.map(({ ring }) => ring));
    for (const index of queues.keys()) device.notify(index);
  };
  const tell = (id: number, event: number, value: number): void => {
    const message = new DataView(new ArrayBuffer(8));
    message.setUint32(0, id, true);
    message.setUint16(4, event, true);
    message.setUint16(6, value, true);
    queue(3).send(new Uint8Array(message.buffer));
    device.notify(3);
    while (queue(3).take() !== undefined);
  };
  /** What the driver is told: id, event, value and what follows them. */
  const heard = (): (number | string)[][] => {
    const all: (number | string)[][] = [];
    for (let each = queue(2).take(); each !== undefined; each = queue(2).take()) {
      if (each.length < 8) continue;
      const view = new DataView(each.buffer, each.byteOffset, each.length);
      const text = Buffer.from(each.subarray(8)).toString();
      all.push([view.getUint32(0, true), view.getUint16(4, true), view.getUint16(6, true), text]);
    }
    return all;
  };
  return { device, rings, queue, start, tell, heard };
}

test('tells the driver of each port, then its name and that the program has opened it', () => {
  const { queue, start, tell, heard, device } = portsOf('first', 'org.example.agent');
  expect([device.queueSizes.length, device.config[4]]).toEqual([8, 3]);
  start();
  for (let i = 0; i < 8; i++) queue(2).offer(64);
  expect(heard()).toEqual([]);
  tell(0xffff_ffff, VIRTIO_CONSOLE_DEVICE_READY, 1);
  expect(heard()).toEqual([
    [1, VIRTIO_CONSOLE_PORT_ADD, 1, ''],
    [2, VIRTIO_CONSOLE_PORT_ADD, 1, ''],
  ]);
  tell(2, VIRTIO_CONSOLE_PORT_READY, 1);
  expect(heard()).toEqual([
    [2, VIRTIO_CONSOLE_PORT_NAME, 1, 'org.example.agent'],
    [2, VIRTIO_CONSOLE_PORT_OPEN, 1, ''],
  ]);
});

test('what a driver without buffers is to be told waits, and is told once', () => {
  const { queue, start, tell, heard, device } = portsOf('a');
  start();
  for (let i = 0; i < 100; i++) {
    tell(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
    tell(1, VIRTIO_CONSOLE_PORT_READY, 1);
  }
  for (let i = 0; i < 8; i++) queue(2).offer(8);
  device.notify(2);
  // The name has no room: the driver gets what its buffer holds.
  expect(heard()).toEqual([
    [1, VIRTIO_CONSOLE_PORT_ADD, 1, ''],
    [1, VIRTIO_CONSOLE_PORT_NAME, 1, ''],
    [1, VIRTIO_CONSOLE_PORT_OPEN, 1, ''],
  ]);
});

test('a port has its own queues; input waits until a program of the guest has opened it', () => {
  const { rings, queue, start, tell, device } = portsOf('a', 'b');
  start();
  const [a, b] = rings as [(typeof rings)[number], (typeof rings)[number]];
  a.input.write(Uint8Array.of(1));
  b.input.write(Uint8Array.of(2, 3));
  for (const index of [0, 4, 6]) queue(index).offer(8);
  for (const index of [1, 5, 7]) queue(index).send(Uint8Array.of(index));
  for (const index of device.queueSizes.keys()) device.notify(index);
  expect([queue(4).take(), queue(6).take()]).toEqual([undefined, undefined]);
  tell(2, VIRTIO_CONSOLE_PORT_OPEN, 1);
  expect([queue(4).take(), queue(6).take()]).toEqual([undefined, Uint8Array.of(2, 3)]);
  tell(2, VIRTIO_CONSOLE_PORT_OPEN, 0);
  queue(6).offer(8);
  b.input.write(Uint8Array.of(4));
  device.hostChanged();
  expect(queue(6).take()).toBeUndefined();
  expect([[...a.output.read()], [...b.output.read()], queue(1).take()]).toEqual([[5], [7], undefined]);
});

test('a port that nobody reads holds up no other', () => {
  const { rings, queue, start, device } = portsOf('a', 'b');
  start();
  queue(5).send(new Uint8Array(100));
  queue(7).send(Uint8Array.of(1, 2));
  device.notify(5);
  device.notify(7);
  expect([queue(5).take(), queue(7).take()?.length]).toEqual([undefined, 0]);
  expect(rings.map(({ output }) => output.available)).toEqual([64, 2]);
  rings[0]?.output.read();
  device.hostChanged();
  expect([queue(5).take()?.length, rings[0]?.output.available]).toEqual([0, 36]);
});

test('saves what the driver knows', () => {
  const { start, tell, device } = portsOf('a', 'b');
  start();
  tell(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
  tell(1, VIRTIO_CONSOLE_PORT_OPEN, 1);
  const saved = JSON.parse(JSON.stringify(device.save()));
  const after = portsOf('a', 'b');
  after.device.load(saved);
  expect(after.device.save()).toEqual(saved);
  for (let i = 0; i < 8; i++) after.queue(2).offer(64);
  after.rings[0]?.input.write(Uint8Array.of(9));
  after.queue(4).offer(8);
  after.start();
  expect([after.heard().length, after.queue(4).take()]).toEqual([2, Uint8Array.of(9)]);
  for (const wrong of [
    { version: 1 },
    { version: 1, ports: [] },
    { version: 1, ports: [null, null] },
    { version: 3 },
  ]) {
    expect(() => after.device.load(wrong)).toThrow(KvmError);
  }
});

const number = fc.oneof(fc.nat(3), fc.constantFrom(0xffff, 0xffff_ffff, 0x8000_0000));
const event = fc.oneof(
  fc.constantFrom(
    VIRTIO_CONSOLE_DEVICE_READY,
    VIRTIO_CONSOLE_PORT_READY,
    VIRTIO_CONSOLE_CONSOLE_PORT,
    VIRTIO_CONSOLE_PORT_OPEN,
  ),
  fc.nat(0xffff),
);
const step = fc.oneof(
  fc.record({ id: number, event, value: fc.nat(2) }),
  fc.record({ notify: fc.nat(12) }),
  fc.record({ offer: fc.constantFrom(2, 2, 0, 1, 3, 4, 5, 6, 7), length: fc.nat(100) }),
  fc.record({ send: fc.nat(7), bytes: fc.uint8Array({ maxLength: 100 }) }),
  fc.record({ drop: fc.nat(7) }),
  fc.constantFrom('host', 'reset', 'take' as const),
);

test('no messages, ports and queues of a hostile driver make anything else of it', () => {
  let told = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { device, rings, queue, start, tell, heard } = portsOf('a', 'b');
      const listen = (): void => {
        for (const [id, kind, value] of heard()) {
          expect(value).toBe(1);
          expect([1, 2]).toContain(id);
          expect([VIRTIO_CONSOLE_PORT_ADD, VIRTIO_CONSOLE_PORT_NAME, VIRTIO_CONSOLE_PORT_OPEN]).toContain(kind);
          told++;
        }
      };
      start();
      for (const each of steps) {
        if (each === 'host') {
          for (const { input, output } of rings) {
            input.write(Uint8Array.of(1, 2, 3));
            output.read(10);
          }
          device.hostChanged();
        } else if (each === 'reset') {
          device.reset();
          start();
        } else if (each === 'take') {
          listen();
        } else if ('id' in each) tell(each.id, each.event, each.value);
        else if ('notify' in each) device.notify(each.notify);
        else if ('offer' in each) queue(each.offer).offer(each.length);
        else if ('send' in each) queue(each.send).send(each.bytes);
        else {
          const queues: (Queue | undefined)[] = device.queueSizes.map((_, index) => queue(index).ring);
          queues[each.drop] = undefined;
          device.activate(queues);
        }
        for (const { output } of rings) expect(output.available).toBeLessThanOrEqual(64);
      }
      for (let i = 0; i < 8; i++) queue(2).offer(64);
      device.notify(2);
      listen();
    }),
    { numRuns: 2000 },
  );
  expect(told).toBeGreaterThan(20);
});
