import { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { StreamSink } from './stream-sink.js';

/** A stream whose reader takes the next bytes when it is told to. */
function slowStream(): { stream: Writable; got: string[]; take: () => void } {
  const got: string[] = [];
  let pending: (() => void) | undefined;
  const stream = new Writable({
    highWaterMark: 4,
    write: (chunk, _encoding, done) => {
      pending = () => {
        got.push(String(chunk));
        done();
      };
    },
  });
  return {
    stream,
    got,
    take: () => {
      const now = pending;
      pending = undefined;
      now?.();
    },
  };
}

test('a sink is full until its slow reader has read', async () => {
  const { stream, got, take } = slowStream();
  const sink = new StreamSink('the output', stream);
  sink.write('123');
  expect(sink.full).toBe(false);
  sink.write('456');
  expect(sink.full).toBe(true);
  const drained = sink.drained();
  take();
  take();
  await drained;
  expect(got).toEqual(['123', '456']);
  expect(sink.full).toBe(false);
});

test('flushed settles when everything is read', async () => {
  const { stream, got, take } = slowStream();
  const sink = new StreamSink('the output', stream);
  await sink.flushed();
  sink.write('12');
  let done = false;
  const flushed = sink.flushed().then(() => {
    done = true;
  });
  await turn();
  expect(done).toBe(false);
  take();
  await turn();
  take();
  await flushed;
  expect(got[0]).toBe('12');
});

test('a reader that goes ends every wait, and later writes are dropped without an error', async () => {
  const { stream } = slowStream();
  const sink = new StreamSink('the output', stream);
  let closed = 0;
  sink.onFailure(() => closed++);
  sink.write('123456');
  const waits = Promise.all([sink.drained(), sink.flushed()]);
  stream.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
  await waits;
  sink.write('more');
  expect([sink.closed, sink.full, closed]).toEqual([true, false, 1]);
  expect([sink.readerHasGone, sink.problem]).toEqual([true, undefined]);
  sink.onFailure(() => closed++);
  expect(closed).toBe(2);
});

test('the failure of a synchronous write is known once the sink is flushed', async () => {
  const full = Object.assign(new Error('write ENOSPC'), { errno: -28, code: 'ENOSPC' });
  const sink = new StreamSink('the output', new Writable({ write: (_chunk, _encoding, done) => done(full) }));
  sink.write('12');
  expect(sink.closed).toBe(false);
  await sink.flushed();
  expect(sink.closed).toBe(true);
  expect(sink.problem).toBe('the output cannot be written: no space left on device (ENOSPC)');
  expect(sink.readerHasGone).toBe(false);
});

test('a reader that does not read can be abandoned', async () => {
  const { stream } = slowStream();
  const sink = new StreamSink('the output', stream);
  sink.abandonUnread();
  expect(sink.closed).toBe(false);
  sink.write('12');
  const flushed = sink.flushed();
  sink.abandonUnread();
  await flushed;
  expect(sink.closed).toBe(true);
});
