import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ByteRing } from '../streams/byte-ring.js';
import { Console } from './console.js';

interface Parts {
  console: Console;
  /** The guest's ends. */
  output: ByteRing;
  input: ByteRing;
  rings: number;
}

function consoleOf(capacity: number): Parts {
  const output = ByteRing.allocate(capacity);
  const input = ByteRing.allocate(capacity);
  const parts: Parts = { output, input, rings: 0, console: new Console(output, input, () => parts.rings++) };
  return parts;
}

/** The guest writes as the device thread does: it waits while the ring is full. Returns how many bytes were taken. */
async function write({ console, output }: Parts, bytes: Uint8Array, patience: number): Promise<number> {
  let sent = 0;
  for (let tries = 0; sent < bytes.length && tries < patience; tries++) {
    const count = output.write(bytes, sent);
    sent += count;
    if (count > 0) tries = 0;
    if (output.takeSleepingReader()) console.wakeReader();
    await turn();
  }
  return sent;
}

const pattern = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i % 251);

async function all(console: Console): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of console as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test('a guest whose console nobody reads does not wait; its first output is kept', async () => {
  const parts = consoleOf(2 ** 12);
  const bytes = pattern(2 ** 18);
  expect(await write(parts, bytes, 10)).toBe(bytes.length);
  parts.console.finish();
  const kept = await all(parts.console.attach());
  expect(kept.length).toBeGreaterThanOrEqual(2 ** 16);
  expect(kept.length).toBeLessThan(bytes.length);
  expect(Buffer.compare(kept, bytes.subarray(0, kept.length))).toBe(0);
});

test('a slow reader slows the guest down, and gets everything', async () => {
  const parts = consoleOf(2 ** 12);
  const bytes = pattern(2 ** 18);
  const console = parts.console.attach();
  const sent = await write(parts, bytes, 10);
  expect(sent).toBeLessThan(bytes.length);
  const got = all(console);
  await write(parts, bytes.subarray(sent), 1000);
  parts.console.finish();
  expect(Buffer.compare(await got, bytes)).toBe(0);
});

test('input waits in the stream while the guest does not read', async () => {
  const parts = consoleOf(16);
  const { console, input } = parts;
  const bytes = pattern(100);
  let written = false;
  console.write(bytes, () => {
    written = true;
  });
  await turn();
  expect([written, input.available, console.pendingInput]).toEqual([false, 16, 100]);
  expect(parts.rings).toBeGreaterThan(0);
  const got: number[] = [];
  while (!written || input.available > 0) {
    got.push(...input.read(7));
    if (input.takeSleepingWriter()) console.wakeWriter();
    await turn();
  }
  expect(got).toEqual([...bytes]);
  expect(console.pendingInput).toBe(0);
});

test('what is written after the end is dropped, and no writer waits for ever', async () => {
  const { console } = consoleOf(16);
  const written: string[] = [];
  console.write(pattern(100), () => written.push('before'));
  console.finish();
  console.write(pattern(100), () => written.push('after'));
  await turn();
  expect(written).toEqual(['before', 'after']);
});

test('a guest that waits for room is woken when the reader has made some', async () => {
  const parts = consoleOf(4);
  const console = parts.console.attach();
  parts.output.write(Uint8Array.of(1, 2, 3, 4));
  expect([parts.output.sleepAsWriter(), parts.rings]).toEqual([true, 0]);
  console.wakeReader();
  expect([parts.output.room, parts.rings]).toEqual([4, 1]);
});
