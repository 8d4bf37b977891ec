import { InvalidArgumentError } from 'commander';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseBackend, parseSeconds } from './parse.js';

describe('a time', () => {
  test('is a number of seconds, with an optional fraction', () => {
    fc.assert(
      fc.property(fc.nat(2_000_000), fc.nat(999), (whole, thousandths) => {
        const text = `${whole}.${String(thousandths).padStart(3, '0')}`;
        if (Number(text) > 0) expect(parseSeconds(text)).toBe(Number(text));
      }),
    );
    expect([parseSeconds('10'), parseSeconds('.5'), parseSeconds('3.')]).toEqual([10, 0.5, 3]);
  });

  test.each(['', '0', '0.0', '-1', '.', '1e3', 'Infinity', 'NaN', '2147484', '1s'])('is not %j', (text) => {
    expect(() => parseSeconds(text)).toThrow(InvalidArgumentError);
  });
});

test('for any text, the parser of times throws or returns a valid one', () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-fxXKMG.+-]{0,12}$/));
  fc.assert(
    fc.property(text, (each) => {
      expect(attempt(parseSeconds, each)).toSatisfy(
        (n) => n === undefined || (Number.isFinite(n) && (n as number) > 0),
      );
    }),
  );
});

test('a backend is one of the choices', () => {
  expect(parseBackend('ffi')).toBe('ffi');
  expect(() => parseBackend('toString')).toThrow('The choices are native, ffi.');
});

/** What a parser gives; nothing when it refuses as it should. */
function attempt<T>(parse: (text: string) => T, text: string): T | undefined {
  try {
    return parse(text);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidArgumentError);
    return undefined;
  }
}
