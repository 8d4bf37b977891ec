import { closeSync, openSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { SerialInput } from './serial-input.js';

/** A console whose guest reads when it is told to. */
class FakeConsole extends PassThrough {
  get pendingInput(): number {
    // Bytes on their way from one side to the other count on both.
    return Math.max(this.readableLength, this.writableLength);
  }
}

interface FakeInput {
  stdin: PassThrough;
  console: FakeConsole;
  input: SerialInput;
  /** What the input has asked for and said. */
  events: string[];
}

/** A terminal's part is played by /dev/null, whose settings cannot be changed. */
function fakeInput(isTTY: boolean, guestReads = false): FakeInput {
  const events: string[] = [];
  const fd = openSync('/dev/null', 'r');
  onTestFinished(() => closeSync(fd));
  const stdin = Object.assign(new PassThrough(), { isTTY, fd });
  const console = new FakeConsole({ highWaterMark: 8 });
  const input = new SerialInput({
    stdin: stdin as unknown as typeof process.stdin,
    console,
    guestReads: () => guestReads,
    interrupt: (key) => events.push(key),
    say: (text) => events.push(text.trim()),
    failed: ({ message }) => events.push(message),
  });
  input.start();
  onTestFinished(() => input.stop());
  return { stdin, console, input, events };
}

test('a guest that reads slowly gets all of a long input', async () => {
  const { stdin, console } = fakeInput(false);
  const sent = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);
  stdin.write(sent.subarray(0, 700));
  stdin.end(sent.subarray(700));
  const got: number[] = [];
  let most = 0;
  while (got.length < sent.length) {
    await turn();
    got.push(...((console.read(3) ?? console.read() ?? []) as Buffer));
    most = Math.max(most, console.pendingInput);
  }
  expect(got).toEqual([...sent]);
  // Not all at once: the rest waited in the pipe.
  expect(most).toBeLessThan(sent.length);
});

test('Ctrl-C and Ctrl-A of a pipe go to the guest', async () => {
  const { stdin, console, events } = fakeInput(false);
  stdin.write('a\x03\x01xb');
  await turn();
  expect(String(console.read())).toBe('a\x03\x01xb');
  expect(events).toEqual([]);
});

test.each([
  ['Ctrl-C', '\x03', 'SIGINT'],
  ['Ctrl-A x', '\x01x', 'Ctrl-A x'],
])('%s of a terminal is heard even when the guest has not read what came before', async (_, keys, event) => {
  const { stdin, console, events } = fakeInput(true);
  stdin.write(Buffer.alloc(2 ** 16, 'k'));
  await turn();
  stdin.write('dropped');
  await turn();
  stdin.write(keys);
  await turn();
  expect(events).toEqual([event]);
  expect(console.pendingInput).toBe(2 ** 16);
});

test('Ctrl-C goes to a guest that reads; a hint is printed once when it has stopped reading', async () => {
  const { stdin, console, events } = fakeInput(true, true);
  stdin.write('\x03');
  await turn();
  expect(events).toEqual([]);
  stdin.write('\x03\x03');
  await turn();
  expect(events).toEqual(['kvm-cli: the guest is not reading its input; Ctrl-A x ends the run']);
  expect([...(console.read() as Buffer)]).toEqual([3, 3, 3]);
});

test('Ctrl-A h prints help', async () => {
  const { stdin, console, events } = fakeInput(true);
  stdin.write('\x01h');
  await turn();
  expect(events).toEqual([expect.stringContaining('Ctrl-A x       end the run')]);
  expect(console.pendingInput).toBe(0);
});

test('a read error is reported', async () => {
  const { stdin, events } = fakeInput(false);
  stdin.destroy(new Error('EISDIR'));
  await turn();
  expect(events).toEqual(['EISDIR']);
});
