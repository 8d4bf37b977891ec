import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeAr } from '../../test/debian.js';
import { MagicGenError } from '../errors.js';
import { readAr } from './ar.js';

const members = fc.array(
  fc.record({ name: fc.stringMatching(/^[a-z][a-z.]{0,14}$/), data: fc.uint8Array({ maxLength: 40 }) }),
);

describe('an ar archive', () => {
  it('gives back what was put into it', () => {
    fc.assert(
      fc.property(members, (given) => {
        const read = readAr(makeAr(given), 'x.deb').map(({ name, data }) => ({ name, data: [...data] }));
        expect(read).toEqual(given.map(({ name, data }) => ({ name, data: [...data] })));
      }),
    );
  });

  it('that is cut off is told from a whole one, wherever the cut is', () => {
    const whole = makeAr([{ name: 'data.tar', data: new Uint8Array(21) }]);
    for (let length = 9; length < whole.length - 1; length++) {
      expect(() => readAr(whole.subarray(0, length), 'x.deb'), `${length}`).toThrow(MagicGenError);
    }
  });

  it('that is none, or has any byte changed, is read or refused, and nothing else', () => {
    const attempt = (bytes: Uint8Array): void => {
      try {
        readAr(bytes, 'x.deb');
      } catch (error) {
        expect(error).toBeInstanceOf(MagicGenError);
      }
    };
    fc.assert(fc.property(fc.uint8Array(), attempt));
    const whole = makeAr([{ name: 'a', data: new Uint8Array(3) }]);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        attempt(whole.with(at, byte));
      }),
    );
  });
});
