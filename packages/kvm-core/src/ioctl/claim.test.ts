import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { areCounts, changeClaim, claimIs, endClaim, isSharedWords, newClaim, State } from './claim.js';

test('a claim is taken once, through any copy of the handle, and stays closed', () => {
  const claim = newClaim(State.Offered);
  const copy = structuredClone(claim);
  expect([changeClaim(copy, State.Offered, State.Owned), changeClaim(claim, State.Offered, State.Owned)]).toEqual([
    true,
    false,
  ]);
  expect(claimIs(claim, State.Owned)).toBe(true);
  endClaim(copy);
  for (const from of [State.Offered, State.Owned]) expect(changeClaim(claim, from, State.Owned)).toBe(false);
  expect(claimIs(claim, State.Closed)).toBe(true);
});

test('if many threads take a claim at once, one succeeds', { timeout: 60_000 }, async () => {
  const claims = Array.from({ length: 1000 }, () => newClaim(State.Offered));
  const start = new Int32Array(new SharedArrayBuffer(4));
  const takers = Array.from({ length: 3 }, () => {
    const worker = new Worker(
      `const { parentPort, workerData: { claims, start, from, to } } = require('node:worker_threads');
       parentPort.postMessage('ready');
       Atomics.wait(start, 0, 0);
       parentPort.postMessage(claims.filter((claim) => Atomics.compareExchange(claim, 0, from, to) === from).length);`,
      { eval: true, workerData: { claims, start, from: State.Offered, to: State.Owned } },
    );
    const ready = new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    return { ready, taken: () => new Promise<number>((resolve) => worker.once('message', resolve)) };
  });
  await Promise.all(takers.map(({ ready }) => ready));
  const taken = Promise.all(takers.map((taker) => taker.taken()));
  Atomics.store(start, 0, 1);
  Atomics.notify(start, 0);
  const here = claims.filter((claim) => changeClaim(claim, State.Offered, State.Owned)).length;
  expect((await taken).reduce((sum, count) => sum + count, here)).toBe(claims.length);
});

test('words that went through JSON, or are not shared, are not a claim', () => {
  expect(isSharedWords(newClaim(State.Owned), 1)).toBe(true);
  const json: unknown = JSON.parse(JSON.stringify(newClaim(State.Owned)));
  for (const wrong of [json, new Int32Array(1), newClaim(State.Owned).subarray(0, 0), undefined, null, 1, [1]]) {
    expect(isSharedWords(wrong, 1)).toBe(false);
  }
  expect(areCounts(0, 1, 2 ** 52)).toBe(true);
  for (const wrong of [-1, 0.5, Number.NaN, undefined, null, '1', 1n]) expect(areCounts(1, wrong)).toBe(false);
});
