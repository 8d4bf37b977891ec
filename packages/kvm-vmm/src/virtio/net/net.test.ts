import { closeSync, writeSync } from 'node:fs';
import { EpollEvent } from '@kvm/core';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { backend, NetRig, type RigOptions, socketPair } from '../../../test/net-rig.js';
import { kinds } from '../../../test/virtio-driver.js';
import { StreamLink } from './stream-link.js';
import { TapLink } from './tap-link.js';

const open = new Set<number>();
function pair(type: 'stream' | 'seqpacket'): [number, number] {
  const fds = socketPair(type);
  for (const fd of fds) open.add(fd);
  return fds;
}
function close(fd: number): void {
  if (open.delete(fd)) closeSync(fd);
}
afterEach(() => {
  for (const fd of open) close(fd);
});

/** A network card with a link over one end of a pair of sockets. */
function rigOf(fd: number, type: 'stream' | 'seqpacket', options: RigOptions = {}): NetRig {
  const Kind = type === 'stream' ? StreamLink : TapLink;
  const rig = new NetRig({ ...options, link: (vector) => new Kind(fd, vector, backend) });
  rig.activate();
  return rig;
}

function frameOf(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8) + seed * 31) & 0xff);
}

function prefixed(frame: Uint8Array, length = frame.length): Uint8Array {
  const bytes = new Uint8Array(4 + frame.length);
  new DataView(bytes.buffer).setUint32(0, length);
  bytes.set(frame, 4);
  return bytes;
}

const length = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 14, max: 3000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 3000, max: 65_535 }) },
);
const cuts = fc.array(fc.integer({ min: 1, max: 2000 }), { maxLength: 4 });
const step = fc.oneof(
  fc.record({ kind: fc.constant('send' as const), length, cuts }),
  fc.record({
    kind: fc.constant('provide' as const),
    pieces: fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1000, max: 20_000 })), {
      minLength: 1,
      maxLength: 3,
    }),
  }),
  fc.record({ kind: fc.constantFrom('turn' as const, 'receive' as const) }),
);

describe.each(['stream', 'seqpacket'] as const)('two network cards, connected by a %s socket', (type) => {
  test.each(kinds)('pass on each frame once, in order, however the drivers cut them: %s queues', (kind) => {
    let delivered = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.boolean(), fc.boolean(), (steps, areMergeable, hasWindows) => {
        const fds = pair(type);
        const options = { kind, areMergeable, size: 256, ...(hasWindows && { windowSize: 0x8000 }) };
        const [a, b] = [rigOf(fds[0], type, options), rigOf(fds[1], type, options)];
        const sent: Uint8Array[] = [];
        const received: Uint8Array[] = [];
        for (const [i, each] of steps.entries()) {
          if (each.kind === 'send') {
            const frame = frameOf(each.length, i);
            if (a.transmit(frame, each.cuts)) sent.push(frame);
            a.notify(1);
          } else if (each.kind === 'provide') {
            // The first buffer of a frame has room for its header, in any number of pieces.
            b.add(0, [...each.pieces, 12], true);
            b.notify(0);
          } else if (each.kind === 'turn') {
            a.turn();
            b.turn();
          } else {
            received.push(...b.received());
          }
          a.sent();
        }
        for (let i = 0; i < 100 && (a.watched !== EpollEvent.In || i < 10 || received.length < sent.length); i++) {
          a.turn();
          b.add(0, [30_000], true);
          b.notify(0);
          b.turn();
          a.sent();
          received.push(...b.received());
        }
        // Without mergeable buffers, a frame is lost whose buffer is too short. No other is.
        if (areMergeable) expect(received.length).toBe(sent.length);
        let next = 0;
        for (const frame of received) {
          while (next < sent.length && Buffer.compare(sent[next] as Uint8Array, frame) !== 0) next++;
          expect(next++).toBeLessThan(sent.length);
        }
        delivered += received.length;
        expect([a.calls, b.calls]).toEqual([[], []]);
        for (const fd of fds) close(fd);
      }),
      { numRuns: 40 },
    );
    expect(delivered).toBeGreaterThan(20);
  });

  test('wait for buffers without reading, and for room without dropping', () => {
    const [near, far] = pair(type);
    const [a, b] = [rigOf(near, type), rigOf(far, type)];
    let sent = 0;
    while (a.watched !== (EpollEvent.In | EpollEvent.Out) && a.watched !== EpollEvent.Out) {
      expect(a.transmit(frameOf(9000, sent++))).toBe(true);
      a.notify(1);
      a.sent();
      expect(sent).toBeLessThan(1000);
    }
    b.turn();
    expect(b.watched ?? 0).toBe(0);
    const received: Uint8Array[] = [];
    for (let i = 0; i < 3 * sent && received.length < sent; i++) {
      b.add(0, [4000], true);
      b.add(0, [6000], true);
      b.notify(0);
      b.turn();
      a.turn();
      received.push(...b.received());
    }
    expect(received.map((frame, i) => Buffer.compare(frame, frameOf(9000, i)))).toEqual(Array(sent).fill(0));
  });

  test.each(kinds)('a frame is dropped for which a full ring has no room: %s queues', (kind) => {
    const [near, far] = pair(type);
    const [a, b] = [rigOf(near, type), rigOf(far, type, { kind })];
    for (const length of [2000, 100]) {
      a.transmit(frameOf(length, length));
      a.notify(1);
    }
    for (const lengths of [[100, 100, 12], [100, 100], [100, 100], [100]]) {
      expect(b.received()).toEqual([]);
      expect(b.add(0, lengths, true)).toBe(true);
      b.notify(0);
      b.turn();
    }
    expect(b.received()).toEqual([frameOf(100, 100)]);
  });

  test('a driver that resets its card goes on with the next frames', () => {
    const [near, far] = pair(type);
    const [a, b] = [rigOf(near, type), rigOf(far, type)];
    const send = (seed: number): void => {
      expect(a.transmit(frameOf(500, seed))).toBe(true);
      a.notify(1);
      a.sent();
    };
    b.add(0, [2000], true);
    b.notify(0);
    expect(b.watched).toBe(EpollEvent.In);
    b.net.reset();
    expect(b.watched ?? 0).toBe(0);
    send(1);
    b.turn();
    b.activate();
    b.turn();
    expect(b.received()).toEqual([frameOf(500, 1)]);
  });

  test('without the other side, the link is down and frames are lost', () => {
    const [near, far] = pair(type);
    const a = rigOf(near, type);
    expect(a.net.config[6]).toBe(1);
    close(far);
    // There are no buffers, so nothing is read; to be watched would be a busy loop.
    a.turn(EpollEvent.HangUp);
    expect(a.watched).toBeUndefined();
    a.add(0, [100], true);
    a.notify(0);
    expect([a.net.config[6], a.watched, a.calls]).toEqual([0, undefined, ['configChanged', 'unplugged']]);
    a.transmit(frameOf(60, 1));
    a.notify(1);
    expect(a.sent()).toBe(1);
    const other = pair(type);
    a.net.plug(new (type === 'stream' ? StreamLink : TapLink)(other[0], a.vector, backend));
    expect(a.net.config[6]).toBe(1);
    a.transmit(frameOf(60, 1));
    a.notify(1);
    const b = rigOf(other[1], type);
    b.add(0, [100], true);
    b.notify(0);
    expect(b.received()).toEqual([frameOf(60, 1)]);
  });
});

test('a stream in any pieces is the same frames; what is none is dropped; its end is the end of the link', () => {
  const record = fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 14, max: 2000 }).map((size) => ({ size, isFrame: true })) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 13 }).map((size) => ({ size, isFrame: false })) },
    { weight: 1, arbitrary: fc.integer({ min: 65_536, max: 70_000 }).map((size) => ({ size, isFrame: false })) },
  );
  fc.assert(
    fc.property(
      fc.array(record, { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 10 }),
      fc.boolean(),
      fc.uint8Array({ maxLength: 40 }),
      (records, sizes, areMergeable, garbage) => {
        const [near, far] = pair('stream');
        const rig = rigOf(near, 'stream', { areMergeable });
        const stream = Buffer.concat([...records.map(({ size }, i) => prefixed(frameOf(size, i))), garbage]);
        const received: Uint8Array[] = [];
        for (let at = 0, i = 0; at < stream.length || i < 10; i++) {
          const size = sizes[i % sizes.length] as number;
          if (at < stream.length) at += writeSync(far, stream, at, Math.min(size, stream.length - at));
          rig.add(0, [7, 2100], true);
          rig.notify(0);
          for (let j = 0; j < 3; j++) rig.turn();
          received.push(...rig.received());
        }
        close(far);
        for (let i = 0; i < 10; i++) {
          rig.add(0, [7, 2100], true);
          rig.notify(0);
          rig.turn(EpollEvent.In | EpollEvent.HangUp);
          received.push(...rig.received());
        }
        const wanted = records.flatMap(({ size, isFrame }, i) => (isFrame ? [frameOf(size, i)] : []));
        expect(received.slice(0, wanted.length)).toEqual(wanted);
        expect([rig.net.config[6], rig.watched, rig.calls.includes('unplugged')]).toEqual([0, undefined, true]);
        close(near);
      },
    ),
    { numRuns: 100 },
  );
});

test('a frame that has come in part is lost with a reset, and no other', () => {
  const [near, far] = pair('stream');
  const rig = rigOf(near, 'stream');
  const frames = Buffer.concat([prefixed(frameOf(400, 1)), prefixed(frameOf(300, 2))]);
  const provide = (): void => {
    rig.add(0, [2000], true);
    rig.notify(0);
    rig.turn();
  };
  provide();
  writeSync(far, frames, 0, 100);
  rig.turn();
  rig.net.reset();
  const again = new NetRig();
  expect(again.net.config[6]).toBe(0);
  rig.activate();
  writeSync(far, frames, 100);
  rig.turn();
  rig.turn();
  expect(rig.received()).toEqual([frameOf(300, 2)]);
});

test('a card keeps to its rates in each direction, and loses nothing', () => {
  const [near, far] = pair('stream');
  let now = 0;
  const limits = { rates: { bytesPerSecond: 10_000, framesPerSecond: 50 }, clock: () => now };
  const [a, b] = [rigOf(near, 'stream', limits), rigOf(far, 'stream', limits)];
  const received: Uint8Array[] = [];
  const times: number[] = [];
  let sent = 0;
  for (now = 0; now < 3000; now += 10) {
    if (sent < 40 && a.transmit(frameOf(sent < 20 ? 1000 : 60, sent))) sent++;
    a.notify(1);
    a.sent();
    b.add(0, [2000], true);
    b.notify(0);
    for (const rig of [a, b]) {
      rig.turn();
      if (rig.net.msUntilUpdate <= 0) rig.net.update();
    }
    for (const frame of b.received()) {
      received.push(frame);
      times.push(now);
    }
  }
  expect(received).toEqual(Array.from({ length: 40 }, (_, i) => frameOf(i < 20 ? 1000 : 60, i)));
  // 20 frames of 1000 bytes at 10,000 bytes a second, then 20 small ones at 50 a second. The clock is the test's own.
  const [middle = 0, end = 0] = [times[19], times[39]];
  expect(middle).toBeGreaterThan(1700);
  expect(middle).toBeLessThan(2300);
  expect(end - middle).toBeGreaterThan(250);
  expect(a.net.msUntilUpdate).toBe(Number.POSITIVE_INFINITY);
});

test('the driver changes the address by the control queue, and is refused all else', () => {
  const rig = new NetRig();
  rig.activate();
  const at = 0x9_0000;
  const ask = (bytes: readonly number[], answer = 1): number | undefined => {
    rig.memory.write(at, Uint8Array.from([...bytes, 0xee]));
    const pieces = [
      { address: at, length: bytes.length, isWritable: false },
      { address: at + bytes.length, length: answer, isWritable: true },
    ].filter((piece) => piece.length > 0);
    rig.drivers[2]?.add(pieces);
    rig.notify(2);
    expect(rig.drivers[2]?.used()?.length).toBe(answer === 0 ? undefined : 1);
    return rig.memory.read(at + bytes.length, 1)[0];
  };
  expect(ask([1, 1, 2, 3, 4, 5, 6, 7])).toBe(0);
  expect([...rig.net.config.subarray(0, 6)]).toEqual([2, 3, 4, 5, 6, 7]);
  for (const command of [[1, 1, 2], [1, 0, 0, 0, 0, 0, 0, 0], [0, 0, 1], [4, 0, 2, 0], [], [1]]) {
    expect(ask(command)).toBe(1);
  }
  expect(rig.net.save()).toEqual({ version: 1, mac: [2, 3, 4, 5, 6, 7] });
  const other = new NetRig();
  other.net.load(JSON.parse(JSON.stringify(rig.net.save())));
  expect([...other.net.config.subarray(0, 6)]).toEqual([2, 3, 4, 5, 6, 7]);
  expect(() => other.net.load({ version: 2 })).toThrow(/version 1/);
  expect(() => other.net.load({ version: 1 })).toThrow(/MAC address/);
  expect(ask([1, 1, 2, 3, 4, 5, 6, 7], 0)).toBe(0xee);
  expect(rig.calls).toEqual(['needsReset']);
});
