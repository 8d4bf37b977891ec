import fc from 'fast-check';
import { expect, test } from 'vitest';
import { recordingDma } from '../../../test/recording-dma.js';
import { kinds } from '../../../test/virtio-driver.js';
import { buffersAt, cid, headerSize, VsockGuest } from '../../../test/vsock-guest.js';
import { VIRTIO_VSOCK_OP_CREDIT_REQUEST, VIRTIO_VSOCK_OP_REQUEST } from '../../abi/virtio/constants.js';
import type { VsockConnection } from './vsock.js';

/** A guest that writes any packets and offers any buffers to a program that listens, connects and writes. */

const port = fc.constantFrom(0, 1, 7, 1024, 2 ** 30 + 1, 0xffff_ffff);
const word = fc.oneof(fc.nat(4), fc.constantFrom(0xffff_ffff, 0x8000_0000, 2 ** 18), fc.nat(0xffff_ffff));
const any64 = fc.oneof(fc.constantFrom(0n, 1n, 2n, 3n), fc.bigInt(0n, 2n ** 64n - 1n));
const packet = fc.record({
  srcPort: port,
  dstPort: port,
  op: fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 1, max: 7 }) }, fc.nat(0xffff)),
  flags: word,
  bufAlloc: word,
  fwdCnt: word,
  payload: fc.uint8Array({ maxLength: 64 }),
  // Mostly as they should be: others are refused at once.
  wrong: fc.oneof(
    { weight: 12, arbitrary: fc.constant({}) },
    fc.record({ srcCid: any64 }),
    fc.record({ dstCid: any64 }),
    fc.record({ type: fc.nat(3) }),
    fc.record({ len: word }),
  ),
  /** How much of it the chain has. */
  length: fc.oneof({ weight: 30, arbitrary: fc.constant(undefined) }, fc.nat(headerSize + 64)),
});
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ packet }) },
  { weight: 4, arbitrary: fc.constantFrom('run', 'offer', 'event', 'request') },
  { weight: 2, arbitrary: fc.constantFrom('connect', 'write', 'end', 'destroy', 'read') },
  { weight: 1, arbitrary: fc.constantFrom('reset', 'load') },
);

test('breaks nothing, is answered no more than it asks, and has nothing written but its buffers', async () => {
  let opened = 0;
  let resets = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60 }),
      fc.constantFrom(...kinds.map(([kind]) => kind)),
      fc.constantFrom(headerSize + 1, 100, 4096),
      async (steps, kind, bufferSize) => {
        const Kind = (kinds.find(([each]) => each === kind) ?? kinds[0])[1];
        const written = new Set<number>();
        const guest = new VsockGuest({
          Kind,
          bufferSize,
          buffers: 4,
          mostBytes: 4096,
          capacity: 2 ** 18,
          wrap: (dma) => {
            const recording = recordingDma(dma);
            const { copyIn } = recording;
            recording.copyIn = (offset, from, at, length) => {
              for (let i = 0; i < length; i++) written.add(offset + i);
              copyIn(offset, from, at, length);
            };
            return recording;
          },
        }).activate();
        const streams = new Set<VsockConnection>();
        const add = (stream: VsockConnection): void => {
          streams.add(stream);
          stream.once('close', () => streams.delete(stream));
        };
        for (const listener of [1, 1024]) {
          guest.vsock.listen(listener, (connection) => {
            opened++;
            add(connection);
          });
        }
        let isActive = true;
        let sent = 0;
        let asked = 0;
        let answers = 0;
        for (const each of steps) {
          const [first] = streams;
          if (typeof each === 'object') {
            const { wrong, length, ...fields } = each.packet;
            if (isActive && guest.send({ ...fields, ...wrong }, length)) sent++;
          } else if (each === 'run') await guest.settle();
          else if (each === 'offer') guest.step();
          else if (each === 'request') {
            const request = { op: VIRTIO_VSOCK_OP_REQUEST, srcPort: 7, dstPort: 1024, bufAlloc: 100 };
            if (isActive && guest.send(request)) sent++;
          } else if (each === 'event') {
            guest.event.driver.add([{ address: buffersAt, length: 4, isWritable: true }]);
            if (isActive) guest.device.notify(2);
          } else if (each === 'connect') {
            asked++;
            guest.vsock.connect(7).then(add, () => {});
          } else if (each === 'write') {
            asked++;
            if (first?.writable) first.write('some bytes');
          } else if (each === 'end') {
            asked++;
            first?.end();
          } else if (each === 'destroy') {
            asked++;
            first?.destroy();
          } else if (each === 'read') first?.read();
          else {
            if (each === 'reset') guest.device.reset();
            else guest.device.load({ version: 1 });
            guest.activate();
          }
          if (guest.needsReset) {
            isActive = false;
            resets++;
            break;
          }
        }
        await guest.settle();
        for (const { payload, op } of guest.inbox) {
          if (op !== VIRTIO_VSOCK_OP_CREDIT_REQUEST && payload.length === 0) answers++;
        }
        // A write may need a packet for each byte, but what has none is an answer, or was asked for.
        expect(answers).toBeLessThanOrEqual(2 * sent + 2 * asked);
        expect(guest.inbox.every(({ srcCid, dstCid }) => srcCid === 2n && dstCid === BigInt(cid))).toBe(true);
        const end = buffersAt + 4 * (bufferSize + 16);
        for (const at of written) expect(at >= buffersAt && at < end).toBe(true);
        guest.vsock.finish();
        await guest.settle();
      },
    ),
    { numRuns: 200 },
  );
  expect(Math.min(opened, resets)).toBeGreaterThan(5);
});
