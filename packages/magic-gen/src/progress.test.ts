import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { TerminalProgress } from './progress.js';

/** What a progress writes to a stream, which may be a terminal. */
function written(isTTY: boolean, work: (progress: TerminalProgress) => void): string {
  const stream = new PassThrough();
  work(new TerminalProgress(Object.assign(stream, { isTTY, columns: 20 }) as unknown as NodeJS.WriteStream));
  return `${stream.read() ?? ''}`;
}

describe('progress', () => {
  it('is one line of a terminal, no wider than it, which is erased at the end', () => {
    const text = written(true, (progress) => {
      progress.step('reading the headers of Linux');
      progress.done();
      progress.done();
    });
    expect(text).toBe('\r\u001b[Kreading the headers\r\u001b[K');
  });

  it('is only notes without a terminal', () => {
    const text = written(false, (progress) => {
      progress.step('reading');
      progress.note('taken from the cache');
      progress.done();
    });
    expect(text).toBe('magic-gen: taken from the cache\n');
  });
});
