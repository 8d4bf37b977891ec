import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { TerminalProgress } from './progress.js';

/** What a progress writes to a stream that is a terminal, or is none. */
function written(isTTY: boolean, work: (progress: TerminalProgress) => void): string {
  const stream = new PassThrough();
  work(new TerminalProgress(Object.assign(stream, { isTTY, columns: 20 }) as unknown as NodeJS.WriteStream));
  return `${stream.read() ?? ''}`;
}

describe('progress', () => {
  it('is one line of a terminal, no wider than it, which goes', () => {
    const text = written(true, (progress) => {
      progress.step('reading the headers of Linux');
      progress.done();
      progress.done();
    });
    expect(text).toBe('\r\u001b[Kreading the headers\r\u001b[K');
  });

  it('is not there where nobody watches; notes are', () => {
    const text = written(false, (progress) => {
      progress.step('reading');
      progress.note('taken from the cache');
      progress.done();
    });
    expect(text).toBe('magic-gen: taken from the cache\n');
  });
});
