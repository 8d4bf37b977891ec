import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { describe, requestRange } from './http-resource.js';
import { Fetch, type FetchRequest, type FetchThreadData } from './http-storage.js';

/** The thread that fetches chunks of a disk, while the thread of the disk waits. */

/** A server may be down for a moment: milliseconds before each attempt. */
const pauses = [0, 200, 1000, 3000];

const { resource, fd, state } = workerData as FetchThreadData;

parentPort?.on('message', async (request: FetchRequest) => {
  let result: Attempt = 'again';
  for (const pause of pauses) {
    await sleep(pause);
    result = await fetchChunk(request).catch(() => 'again');
    if (result !== 'again') break;
  }
  Atomics.store(state, 0, result === 'done' ? Fetch.Done : Fetch.Failed);
  Atomics.notify(state, 0);
});

/** How it went: all bytes are in the cache's file, or another attempt may help, or the resource is another one now. */
type Attempt = 'done' | 'again' | 'never';

/** The server may send anything. */
async function fetchChunk({ position, length, to }: FetchRequest): Promise<Attempt> {
  const response = await requestRange(resource.url, position, length);
  const found = response.status === 206 ? describe(response) : undefined;
  const isSame = found?.start === position && found.size === resource.size && found.identity === resource.identity;
  if (!isSame || response.body === null) {
    await response.body?.cancel();
    return response.status >= 500 ? 'again' : 'never';
  }
  let done = 0;
  for await (const bytes of response.body as AsyncIterable<Uint8Array>) {
    if (done + bytes.length > length) return 'again';
    for (let written = 0; written < bytes.length; ) {
      written += writeSync(fd, bytes, written, bytes.length - written, to + done + written);
    }
    done += bytes.length;
  }
  return done === length ? 'done' : 'again';
}
