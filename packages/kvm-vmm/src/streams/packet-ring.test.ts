import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PacketRing } from './packet-ring.js';

const capacity = 128;
const step = fc.oneof(
  fc.record({ write: fc.uint8Array({ maxLength: 40 }), tag: fc.integer(), spare: fc.constantFrom(0, 0, 16) }),
  fc.constant('read' as const),
);

function put(ring: PacketRing, packet: Uint8Array, tag = 0, spare = 0): boolean {
  const at = ring.reserve(packet.length, tag, spare);
  if (at < 0) return false;
  ring.bytes.set(packet, at);
  ring.commit();
  return true;
}

test('packets are read as they were written, in their order, also when the counts wrap around', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), fc.constantFrom(0, 0x7fff_ff80, -128), (steps, start) => {
      const writer = PacketRing.allocate(capacity);
      const reader = new PacketRing(writer.shared);
      writer.shared.words.fill(start, 0, 2);
      const inside: { packet: number[]; tag: number }[] = [];
      for (const each of steps) {
        if (each === 'read') {
          const at = reader.next();
          const expected = inside.shift();
          expect(at >= 0).toBe(expected !== undefined);
          if (expected === undefined) continue;
          expect({ packet: [...reader.bytes.subarray(at, at + reader.length)], tag: reader.tag }).toEqual(expected);
          reader.release();
        } else if (put(writer, each.write, each.tag, each.spare)) {
          inside.push({ packet: [...each.write], tag: each.tag });
        } else {
          // Half of the capacity always fits an empty ring.
          expect(inside.length).toBeGreaterThan(0);
        }
      }
    }),
  );
});

test('a packet that was not committed is none, and leaves room for others', () => {
  const ring = PacketRing.allocate(64);
  expect(ring.reserve(20, 1)).toBe(8);
  expect(ring.next()).toBe(-1);
  expect([put(ring, new Uint8Array(24), 2), put(ring, new Uint8Array(24), 3, 8), put(ring, new Uint8Array(24), 4)]) //
    .toEqual([true, false, true]);
  expect([ring.next(), ring.length, ring.tag]).toEqual([8, 24, 2]);
});

test('a side that waits is woken once, when there is something for it', () => {
  const writer = PacketRing.allocate(64);
  const reader = new PacketRing(writer.shared);
  expect(writer.takeWaitingReader()).toBe(false);
  put(writer, Uint8Array.of(1));
  expect([writer.takeWaitingReader(), writer.takeWaitingReader()]).toEqual([true, false]);
  put(writer, Uint8Array.of(1));
  expect(writer.takeWaitingReader()).toBe(false);
  writer.waitForRoom();
  expect(reader.takeWaitingWriter()).toBe(false);
  reader.next();
  reader.release();
  expect([reader.takeWaitingWriter(), reader.takeWaitingWriter()]).toEqual([true, false]);
});
