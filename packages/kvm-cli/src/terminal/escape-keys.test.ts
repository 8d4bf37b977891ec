import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EscapeKeys } from './escape-keys.js';

/** The parts in which keys come out, as text. */
function taken(...chunks: string[]): string[] {
  const keys = new EscapeKeys();
  return chunks.flatMap((chunk) =>
    keys
      .take(Buffer.from(chunk))
      .map((part) => (typeof part === 'string' ? `<${part}>` : Buffer.from(part).toString())),
  );
}

test.each([
  ['plain keys', ['ab'], ['ab']],
  ['Ctrl-A x', ['a\x01xb'], ['a', '<quit>', 'b']],
  ['Ctrl-A h', ['\x01h'], ['<help>']],
  ['Ctrl-A Ctrl-A', ['a\x01\x01x'], ['a\x01x']],
  ['Ctrl-C', ['a\x03b'], ['a', '<interrupt>', 'b']],
  ['another key after Ctrl-A', ['a\x01\x03b\x01zc'], ['abc']],
  ['Ctrl-A and its key apart', ['a\x01', 'x'], ['a', '<quit>']],
])('%s', (_, chunks, parts) => {
  expect(taken(...chunks)).toEqual(parts);
});

test('keys have the same meaning in whatever chunks they arrive', () => {
  const key = fc.constantFrom('\x01', '\x03', 'x', 'h', 'z');
  fc.assert(
    fc.property(fc.array(key), (keys) => {
      expect(taken(...keys).join('')).toBe(taken(keys.join('')).join(''));
    }),
  );
});
