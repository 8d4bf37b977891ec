import { closeSync, openSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { ByteRing } from './byte-ring.js';
import { SerialInput } from './serial-input.js';

interface FakeInput {
  stdin: PassThrough;
  ring: ByteRing;
  input: SerialInput;
  /** What the input has asked for and said. */
  events: string[];
}

/** A terminal's part is played by /dev/null, whose settings cannot be changed. */
function fakeInput(capacity: number, isTTY: boolean, guestReads = false): FakeInput {
  const events: string[] = [];
  const fd = openSync('/dev/null', 'r');
  onTestFinished(() => closeSync(fd));
  const stdin = Object.assign(new PassThrough(), { isTTY, fd });
  const ring = ByteRing.allocate(capacity);
  const input = new SerialInput({
    stdin: stdin as unknown as typeof process.stdin,
    ring,
    guestReads: () => guestReads,
    interrupt: (key) => events.push(key),
    say: (text) => events.push(text.trim()),
    failed: ({ message }) => events.push(message),
  });
  input.start();
  onTestFinished(() => input.stop());
  return { stdin, ring, input, events };
}

test('a guest that reads slowly gets all of a long input through a small ring', async () => {
  const { stdin, ring, input } = fakeInput(8, false);
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
});

test('Ctrl-C and Ctrl-A of a pipe go to the guest', async () => {
  const { stdin, ring, events } = fakeInput(8, false);
  stdin.write('a\x03\x01xb');
  await turn();
  expect(Buffer.from(ring.read()).toString()).toBe('a\x03\x01xb');
  expect(events).toEqual([]);
});

test.each([
  ['Ctrl-C', '\x03', 'SIGINT'],
  ['Ctrl-A x', '\x01x', 'Ctrl-A x'],
])('%s of a terminal is heard even when the guest has not read what came before', async (_, keys, event) => {
  const { stdin, ring, events } = fakeInput(8, true);
  stdin.write('more than eight bytes');
  await turn();
  stdin.write(keys);
  await turn();
  expect(events).toEqual([event]);
  expect(Buffer.from(ring.read()).toString()).toBe('more tha');
});

test('Ctrl-C goes to a guest that reads; a hint is printed once when it has stopped reading', async () => {
  const { stdin, ring, events } = fakeInput(8, true, true);
  stdin.write('\x03');
  await turn();
  expect(events).toEqual([]);
  stdin.write('\x03\x03');
  await turn();
  expect(events).toEqual(['kvm-cli: the guest is not reading its input; Ctrl-A x ends the run']);
  expect([...ring.read()]).toEqual([3, 3, 3]);
});

test('Ctrl-A h prints help', async () => {
  const { stdin, ring, events } = fakeInput(8, true);
  stdin.write('\x01h');
  await turn();
  expect(events).toEqual([expect.stringContaining('Ctrl-A x       end the run')]);
  expect(ring.available).toBe(0);
});

test('a read error is reported', async () => {
  const { stdin, events } = fakeInput(8, false);
  stdin.destroy(new Error('EISDIR'));
  await turn();
  expect(events).toEqual(['EISDIR']);
});
