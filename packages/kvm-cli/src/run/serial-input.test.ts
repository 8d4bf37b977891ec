import { PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import type { ReadStream } from 'node:tty';
import { expect, test } from 'vitest';
import { ByteRing } from './byte-ring.js';
import { SerialInput } from './serial-input.js';

interface FakeInput {
  stdin: PassThrough;
  modes: boolean[];
  ring: ByteRing;
  input: SerialInput;
  interrupts(): number;
  failures: string[];
}

function fakeInput(capacity: number, isTTY: boolean): FakeInput {
  const modes: boolean[] = [];
  const failures: string[] = [];
  let interrupts = 0;
  const stdin = Object.assign(new PassThrough(), { isTTY, setRawMode: (mode: boolean) => modes.push(mode) });
  const ring = ByteRing.allocate(capacity);
  const input = new SerialInput({
    stdin: stdin as unknown as ReadStream,
    ring,
    interrupt: () => interrupts++,
    failed: ({ message }) => failures.push(message),
  });
  input.start();
  return { stdin, modes, ring, input, interrupts: () => interrupts, failures };
}

test('a guest gets all of a long input, however slowly it reads, and however small the ring', async () => {
  const { stdin, ring, input, modes } = fakeInput(8, false);
  const sent = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);
  stdin.write(sent.subarray(0, 700));
  stdin.end(sent.subarray(700));
  const got: number[] = [];
  while (got.length < sent.length) {
    await turn();
    got.push(...ring.read(3));
    if (ring.takeSleepingWriter()) input.roomMade();
  }
  expect(got).toEqual([...sent]);
  expect(modes).toEqual([]);
});

test('Ctrl-C of a pipe goes to the guest', async () => {
  const { stdin, ring, interrupts } = fakeInput(8, false);
  stdin.write('a\x03b');
  await turn();
  expect([...ring.read()]).toEqual([0x61, 0x03, 0x62]);
  expect(interrupts()).toBe(0);
});

test('Ctrl-C of a terminal is heard even when the guest has not read what came before', async () => {
  const { stdin, ring, interrupts } = fakeInput(8, true);
  stdin.write('more than eight bytes');
  await turn();
  stdin.write('\x03');
  await turn();
  expect(interrupts()).toBe(1);
  expect(Buffer.from(ring.read()).toString()).toBe('more tha');
});

test('a terminal is raw from the start to the stop, which can come more than once', () => {
  const { input, modes } = fakeInput(8, true);
  expect(modes).toEqual([true]);
  input.stop();
  input.stop();
  expect(modes).toEqual([true, false]);
});

test('input that cannot be read is told of', async () => {
  const { stdin, failures } = fakeInput(8, false);
  stdin.destroy(new Error('EISDIR'));
  await turn();
  expect(failures).toEqual(['EISDIR']);
});
