import { closeSync, writeSync } from 'node:fs';
import { EpollEvent } from '@kvm/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backend, NetRig, socketPair } from '../../../test/net-rig.js';
import { areas } from '../../../test/virtio-driver.js';
import { StreamLink } from './stream-link.js';
import { TapLink } from './tap-link.js';

/** A hostile driver: anything in the rings, while frames come and go. */

const size = 8;
const queues = 3;
/** As `NetRig` lays the queues out. Everything the device may touch is below. */
const queueMemory = 0x8000;
const bufferMemory = 0x8000;
const memorySize = queues * queueMemory + bufferMemory;

const descriptor = fc.record({
  address: fc.oneof(
    { weight: 40, arbitrary: fc.integer({ min: queues * queueMemory, max: memorySize - 600 }) },
    { weight: 1, arbitrary: fc.nat(memorySize) },
    { weight: 1, arbitrary: fc.constantFrom(2 ** 32 - 1, 2 ** 52, 2 ** 64 - 2 ** 11) },
  ),
  length: fc.oneof(
    { weight: 40, arbitrary: fc.nat(600) },
    { weight: 1, arbitrary: fc.constantFrom(0xffff_ffff, 0x8000_0000, 0x1_0000) },
  ),
  flags: fc.oneof({ weight: 20, arbitrary: fc.constantFrom(1, 2, 2, 3) }, { weight: 1, arbitrary: fc.nat(7) }),
  next: fc.nat(8),
});
const ring = fc.record({
  descriptors: fc.array(descriptor, { minLength: size, maxLength: size }),
  heads: fc.array(fc.nat(8), { minLength: size, maxLength: size }),
  waiting: fc.nat(9),
});
type RingOf = typeof ring extends fc.Arbitrary<infer R> ? R : never;
const step = fc.oneof(
  fc.record({ kind: fc.constant('frame' as const), length: fc.nat(1500) }),
  fc.record({ kind: fc.constant('notify' as const), queue: fc.nat(2) }),
  fc.record({ kind: fc.constant('ring' as const), queue: fc.nat(2), ring }),
  fc.record({ kind: fc.constantFrom('turn' as const, 'reset' as const) }),
);

/** Fills a split ring as the driver, or the memory of one. */
function paint(rig: NetRig, queue: number, { descriptors, heads, waiting }: RingOf, before: number): number {
  const at = queue * queueMemory;
  const bytes = new DataView(new ArrayBuffer(16));
  for (const [i, { address, length, flags, next }] of descriptors.entries()) {
    bytes.setBigUint64(0, BigInt.asUintN(64, BigInt(address)), true);
    bytes.setUint32(8, length, true);
    bytes.setUint16(12, flags, true);
    bytes.setUint16(14, next, true);
    rig.memory.write(at + areas.descriptorArea + 16 * i, new Uint8Array(bytes.buffer));
  }
  const available = (before + waiting) & 0xffff;
  const words = Uint16Array.of(0, available, ...heads);
  rig.memory.write(at + areas.driverArea, new Uint8Array(words.buffer));
  return available;
}

/** The bytes that a device may write: what the driver offers for that, and the rings' used areas. */
function allow(allowed: Uint8Array, queue: number, { descriptors }: RingOf): void {
  const used = queue * queueMemory + areas.deviceArea;
  allowed.fill(1, used, used + 6 + 8 * size);
  for (const { address, length, flags } of descriptors) {
    if ((flags & 2) !== 0 && address + length <= allowed.length) allowed.fill(1, address, address + length);
  }
}

test.each([
  ['stream', StreamLink],
  ['seqpacket', TapLink],
] as const)('a hostile driver reaches nothing but its buffers, over a %s socket', (type, Kind) => {
  let frames = 0;
  let resets = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.boolean(), (steps, areMergeable) => {
      const [near, far] = socketPair(type);
      const rig = new NetRig({ size, areMergeable, bufferMemory, link: (vector) => new Kind(near, vector, backend) });
      const allowed = new Uint8Array(rig.memory.size);
      const rings = new Map<number, RingOf>();
      const indices = [0, 0, 0];
      let isBroken = false;
      const activate = (): void => {
        isBroken = false;
        rig.activate({
          longestChain: size,
          needsReset: () => {
            isBroken = true;
            resets++;
          },
        });
      };
      const restart = (): void => {
        rig.net.reset();
        indices.fill(0);
        for (let queue = 0; queue < queues; queue++) {
          rig.memory.write(queue * queueMemory + areas.driverArea, new Uint8Array(4));
        }
        activate();
        expected = rig.memory.read(0, rig.memory.size);
      };
      let expected = rig.memory.read(0, rig.memory.size);
      restart();
      for (const each of steps) {
        if (each.kind === 'frame') {
          const bytes = new Uint8Array(4 + each.length).fill(0xa5);
          new DataView(bytes.buffer).setUint32(0, each.length);
          try {
            writeSync(far, type === 'stream' ? bytes : bytes.subarray(4));
          } catch {
            // The socket is full.
          }
        } else if (each.kind === 'notify') {
          rig.notify(each.queue);
        } else if (each.kind === 'ring') {
          if (isBroken) restart();
          indices[each.queue] = paint(rig, each.queue, each.ring, indices[each.queue] as number);
          rings.set(each.queue, each.ring);
          allowed.fill(0);
          for (const [queue, current] of rings) allow(allowed, queue, current);
          expected = rig.memory.read(0, rig.memory.size);
          rig.notify(each.queue);
        } else if (each.kind === 'turn') {
          rig.turn();
        } else {
          restart();
        }
        const now = rig.memory.read(0, rig.memory.size);
        const isSame = Buffer.compare(now, expected) === 0;
        for (let i = 0; !isSame && i < now.length; i++) {
          if (now[i] !== expected[i]) {
            if (allowed[i] !== 1) expect(i).toBe('a byte that the driver has offered');
            if (now[i] === 0xa5) frames++;
          }
        }
      }
      rig.turn(EpollEvent.In | EpollEvent.Out | EpollEvent.HangUp);
      for (const fd of [near, far]) closeSync(fd);
    }),
    { numRuns: 300 },
  );
  // The rings are such that both happen.
  expect(Math.min(frames, resets)).toBeGreaterThan(20);
});
