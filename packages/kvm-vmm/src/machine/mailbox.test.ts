import { Worker } from 'node:worker_threads';
import { KvmError } from '@kvm/core';
import { expect, test } from 'vitest';
import { Word, words } from './control.js';
import { Mailbox } from './mailbox.js';

/** A vCPU's thread that asks once, and reports the answer. */
const asker = (slots: SharedArrayBuffer, control: Int32Array): Worker =>
  new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     import(workerData.mailbox).then(({ Mailbox }) => {
       const mailbox = new Mailbox(workerData.slots, 1, () => Atomics.add(workerData.control, workerData.bell, 1));
       mailbox.data.set([1, 2, 3, 4]);
       try {
         const ends = mailbox.ask(true, true, 2, 2, 2 ** 40 + 5);
         parentPort.postMessage({ ends, data: mailbox.data.slice(0, 4) });
       } catch (error) {
         parentPort.postMessage({ code: error.code });
       }
     });`,
    {
      eval: true,
      workerData: {
        slots,
        control,
        bell: Word.Bell,
        mailbox: new URL('../../dist/machine/mailbox.js', import.meta.url).href,
      },
    },
  );

function memory(): { slots: SharedArrayBuffer; control: Int32Array } {
  return { slots: Mailbox.allocate(2), control: new Int32Array(new SharedArrayBuffer(words * 4)) };
}

const answerOf = (worker: Worker): Promise<unknown> => new Promise((resolve) => worker.once('message', resolve));

test('a request arrives as it was asked, and its answer ends the wait', async () => {
  const { slots, control } = memory();
  const worker = asker(slots, control);
  const answer = answerOf(worker);
  const mailboxes = [new Mailbox(slots, 0), new Mailbox(slots, 1)];
  while (Atomics.load(control, Word.Bell) === 0) await new Promise(setImmediate);
  const seen: unknown[] = [];
  const served = mailboxes.map((mailbox) =>
    mailbox.serve(({ data, ...request }) => {
      seen.push({ ...request, data: [...data.subarray(0, 4)] });
      data.set([9, 8, 7, 6]);
      return true;
    }),
  );
  expect(served).toEqual([false, true]);
  const request = { isPio: true, isWrite: true, size: 2, count: 2, address: 2 ** 40 + 5, data: [1, 2, 3, 4] };
  expect(seen).toEqual([request]);
  expect(await answer).toEqual({ ends: true, data: Uint8Array.of(9, 8, 7, 6) });
  expect(mailboxes[1]?.serve(() => false)).toBe(false);
});

test('a request that has to wait is asked again, until it is answered', async () => {
  const { slots, control } = memory();
  const answer = answerOf(asker(slots, control));
  while (Atomics.load(control, Word.Bell) === 0) await new Promise(setImmediate);
  const mailbox = new Mailbox(slots, 1);
  expect([mailbox.serve(() => undefined), mailbox.serve(() => undefined), mailbox.serve(() => false)]).toEqual([
    false,
    false,
    true,
  ]);
  expect(await answer).toMatchObject({ ends: false });
});

test('a device thread that has failed fails those who ask, before and afterwards', async () => {
  const { slots, control } = memory();
  const early = asker(slots, control);
  const answer = answerOf(early);
  while (Atomics.load(control, Word.Bell) === 0) await new Promise(setImmediate);
  const mailbox = new Mailbox(slots, 1);
  mailbox.fail();
  expect(await answer).toEqual({ code: 'ERR_KVM_HANDLER' });
  expect(() => mailbox.ask(true, false, 1, 1, 0)).toThrow(KvmError);
});

test('a late notification of an earlier answer does not end the wait', async () => {
  const { slots, control } = memory();
  const worker = asker(slots, control);
  let answered = false;
  const answer = answerOf(worker).then((message) => {
    answered = true;
    return message;
  });
  while (Atomics.load(control, Word.Bell) === 0) await new Promise(setImmediate);
  // The state of the second slot, which its vCPU sleeps on.
  const words = new Int32Array(slots, slots.byteLength / 2);
  for (let i = 0; i < 100; i++) {
    Atomics.notify(words, 0);
    await new Promise(setImmediate);
  }
  expect(answered).toBe(false);
  new Mailbox(slots, 1).serve(() => false);
  expect(await answer).toMatchObject({ ends: false });
});
