import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeAr } from '../../test/debian.js';
import { MagicGenError } from '../errors.js';
import { readAr } from './ar.js';

const members = fc.array(
  fc.record({ name: fc.stringMatching(/^[a-z][a-z.]{0,14}$/), data: fc.uint8Array({ maxLength: 40 }) }),
);

describe('an ar archive', () => {
  it('returns what was put into it', () => {
    fc.assert(
      fc.property(members, (given) => {
        const read = readAr(makeAr(given), 'x.deb').map(({ name, data }) => ({ name, data: [...data] }));
        expect(read).toEqual(given.map(({ name, data }) => ({ name, data: [...data] })));
      }),
    );
  });

  it('that is cut off anywhere is recognized', () => {
    const whole = makeAr([{ name: 'data.tar', data: new Uint8Array(21) }]);
    for (let length = 9; length < whole.length - 1; length++) {
      expect(() => readAr(whole.subarray(0, length), 'x.deb'), `${length}`).toThrow(MagicGenError);
    }
  });

  it('is refused without its first eight bytes', () => {
    const refused = (bytes: Uint8Array): void => {
      expect(() => readAr(bytes, 'x.deb')).toThrow(MagicGenError);
    };
    fc.assert(fc.property(fc.uint8Array(), refused));
    const whole = makeAr([{ name: 'a', data: new Uint8Array(3) }]);
    for (let at = 0; at < 8; at++) refused(whole.with(at, (whole[at] as number) ^ 1));
  });

  it('with any byte changed is read or refused, without a crash', () => {
    const whole = makeAr([{ name: 'a', data: new Uint8Array(3) }]);
    let refusals = 0;
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        try {
          readAr(whole.with(at, byte), 'x.deb');
        } catch (error) {
          refusals++;
          expect(error).toBeInstanceOf(MagicGenError);
        }
      }),
    );
    expect(refusals).toBeGreaterThan(0);
  });
});
