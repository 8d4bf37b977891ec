import { InvalidArgumentError } from 'commander';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAddress, parseBackend, parseMode, parseSeconds, parseSize } from './parse.js';

describe('a size', () => {
  test('is a number of bytes, with an optional unit in either case', () => {
    const units = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };
    const unit = fc.constantFrom(...(['K', 'M', 'G'] as const));
    fc.assert(
      fc.property(fc.nat(0x7f_ffff), unit, (n, name) => {
        expect(parseSize(String(n))).toBe(n);
        expect(parseSize(`0x${n.toString(16)}`)).toBe(n);
        expect(parseSize(`${n}${name}`)).toBe(n * units[name]);
        expect(parseSize(`${n}${name.toLowerCase()}`)).toBe(n * units[name]);
      }),
    );
  });

  test.each(['', 'K', '-1', '1.5M', '1 M', '1MB', '0x', '1e6', '+1', ' 1', '1\n', '9007199254740993', '99999999T'])(
    'is not %j',
    (text) => {
      expect(() => parseSize(text)).toThrow(InvalidArgumentError);
    },
  );
});

describe('an address', () => {
  test('is decimal or hexadecimal, and has up to 64 bits', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 65n }), (n) => {
        for (const text of [String(n), `0x${n.toString(16)}`, `0X${n.toString(16).toUpperCase()}`]) {
          if (n < 2n ** 64n) expect(parseAddress(text)).toBe(n);
          else expect(() => parseAddress(text)).toThrow(InvalidArgumentError);
        }
      }),
    );
  });

  test.each(['', '-1', '0x', '1000h', '0b1', '1_000', 'ff', '1.0'])('is not %j', (text) => {
    expect(() => parseAddress(text)).toThrow(InvalidArgumentError);
  });
});

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

test('for any text, a parser throws or returns a valid value', () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-fxXKMG.+-]{0,12}$/));
  fc.assert(
    fc.property(text, (each) => {
      expect(attempt(parseSize, each)).toSatisfy(
        (n) => n === undefined || (Number.isSafeInteger(n) && (n as number) >= 0),
      );
      expect(attempt(parseAddress, each)).toSatisfy((n) => n === undefined || (typeof n === 'bigint' && n >= 0n));
      expect(attempt(parseSeconds, each)).toSatisfy(
        (n) => n === undefined || (Number.isFinite(n) && (n as number) > 0),
      );
    }),
  );
});

test('a mode and a backend are one of the choices', () => {
  expect([parseMode('real'), parseBackend('ffi')]).toEqual(['real', 'ffi']);
  expect(() => parseMode('Real')).toThrow('The choices are real, protected, long.');
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
