import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeUnless } from '../../../../../kvm-core/test/backends.js';
import { kvmError } from '../../../../../kvm-core/test/errors.js';
import { compiled, noIasl, roundTrip } from '../../../../test/iasl.js';
import { table } from '../tables/header.js';
import { encodedLength, join, packageLength } from './bytes.js';
import * as aml from './index.js';

/** Reads a PkgLength as the specification defines it. */
function lengthIn(bytes: Uint8Array): { length: number; size: number } {
  const lead = bytes[0] as number;
  const followers = lead >> 6;
  if (followers === 0) return { length: lead & 0x3f, size: 1 };
  const high = bytes.slice(1, followers + 1).reduce((sum, byte, i) => sum + byte * 2 ** (4 + 8 * i), 0);
  return { length: (lead & 0xf) + high, size: followers + 1 };
}

/** Reads an integer as the specification defines it. */
function integerIn(bytes: Uint8Array): bigint {
  const prefix = bytes[0] as number;
  if (prefix === 0 || prefix === 1) return BigInt(prefix);
  if (prefix === 0xff) return 2n ** 64n - 1n;
  const size =
    new Map([
      [0x0a, 1],
      [0x0b, 2],
      [0x0c, 4],
      [0x0e, 8],
    ]).get(prefix) ?? Number.NaN;
  expect(bytes.length).toBe(size + 1);
  return bytes.subarray(1).reduce((sum, byte, i) => sum | (BigInt(byte) << BigInt(8 * i)), 0n);
}

const dsdt = (...objects: readonly Uint8Array[]): Uint8Array => table('DSDT', 2, join(...objects));
const bits = (count: number) => fc.bigInt({ min: 0n, max: 2n ** BigInt(count) - 1n });
const anyInteger = fc.oneof(...[1, 8, 16, 32, 64].map(bits));

describe('AML', () => {
  test('has package lengths that count themselves', () => {
    fc.assert(
      fc.property(fc.oneof(...[6, 8, 12, 20, 28].map((n) => fc.nat({ max: 2 ** n - 5 }))), (contents) => {
        const bytes = packageLength(contents);
        expect(lengthIn(bytes)).toEqual({ length: contents + bytes.length, size: bytes.length });
      }),
    );
    expect([62, 63, 4093, 4094, 2 ** 20 - 4, 2 ** 20 - 3].map((n) => packageLength(n).length)).toEqual([
      1, 2, 2, 3, 3, 4,
    ]);
    expect(lengthIn(encodedLength(64))).toEqual({ length: 64, size: 2 });
    kvmError('ERR_KVM_OUT_OF_RANGE', () => packageLength(2 ** 28 - 4));
  });

  test('has integers in their shortest form', () => {
    fc.assert(
      fc.property(anyInteger, (value) => {
        expect(integerIn(aml.integer(value))).toBe(value);
      }),
    );
    expect([0, 1, 2, 0xff, 0x100, 0xffff, 2 ** 16, 2 ** 32, 2n ** 64n - 1n].map((n) => aml.integer(n).length)).toEqual([
      1, 1, 2, 2, 3, 3, 5, 9, 1,
    ]);
    for (const value of [-1n, 2n ** 64n]) kvmError('ERR_KVM_OUT_OF_RANGE', () => aml.integer(value));
    for (const value of [-1, 0.5, 2 ** 53, Number.NaN]) kvmError('ERR_KVM_OUT_OF_RANGE', () => aml.integer(value));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => aml.integer(undefined as never));
  });

  test('refuses names, texts and ids that it does not have', () => {
    for (const text of ['', 'a', 'TOOLONG', '1ABC', 'A..B', 'A.', '.A', '\\^A', 'A^', 'A B', undefined as never]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => aml.path(text));
    }
    for (const text of ['\0', 'é', 5 as never]) kvmError('ERR_KVM_INVALID_ARGUMENT', () => aml.string(text));
    for (const id of ['', 'PNP05', 'PNP050G', 'LNRO000', undefined as never]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => aml.hardwareId(id));
    }
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => aml.uuid('5b4dd61f'));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => aml.field('PORT', { access: 'byte' }, [['A', 8]]));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => aml.packageOf(Array.from({ length: 256 }, () => 0)));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => aml.arg(7));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => aml.local(8));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => aml.method('M', { args: 8 }));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => aml.method('M', { serialised: true } as never));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => aml.field('PORT', { access: 'byte', udpate: 'ones' } as never, []));
    expect([...aml.path('\\')]).toEqual([0x5c, 0]);
  });
});

describeUnless(noIasl, 'iasl', () => {
  test('reads any data as what was written, and makes the same bytes of it', () => {
    const printable = fc.string({ unit: fc.constantFrom(...'abcXYZ019 .,:/()[]{}'), maxLength: 200 });
    const data = fc.record({
      integers: fc.array(anyInteger, { minLength: 1, maxLength: 255 }),
      text: printable,
      bytes: fc.uint8Array({ maxLength: 5000 }),
    });
    fc.assert(
      fc.property(data, ({ integers, text, bytes }) => {
        const source = roundTrip(
          dsdt(
            aml.name('INTS', aml.packageOf(integers)),
            aml.name('TEXT', text),
            aml.name('BYTE', aml.buffer(bytes)),
            aml.scope(
              '\\_SB',
              aml.device('DEEP', aml.name('_HID', aml.hardwareId('ACPI0013')), aml.name('_UID', text)),
            ),
          ),
        );
        const [, inside = ''] = /Name \(INTS, Package \(.*?\)\s*\{([^}]*)\}/.exec(source) ?? [];
        const known = new Map([
          ['Zero', 0n],
          ['One', 1n],
          ['Ones', 2n ** 64n - 1n],
        ]);
        expect((inside.match(/\w+/g) ?? []).map((word) => known.get(word) ?? BigInt(word))).toEqual(integers);
        expect(source).toContain(`Name (TEXT, "${text}")`);
      }),
      { numRuns: 30 },
    );
  });

  test('reads paths, ids and statements as ASL', () => {
    const source = roundTrip(
      dsdt(
        aml.scope(
          '\\_SB',
          aml.device(
            'DEV',
            aml.name('_HID', aml.hardwareId('PNP0C0C')),
            aml.name('_UID', 3),
            aml.name('GUID', aml.uuid('5b4dd61f-3f22-4ae1-8b2c-0123456789ab')),
            aml.operationRegion('PORT', 'io', 0x600, 4),
            aml.field('PORT', { access: 'byte', update: 'zeros' }, [
              ['STAT', 8],
              [null, 7],
              ['HIGH', 1],
              ['LONG', 16],
            ]),
            aml.method(
              'TEST',
              { args: 2 },
              aml.ifElse(
                aml.not(aml.equal(aml.arg(0), 0x1234)),
                [aml.store(aml.arg(1), aml.local(0)), aml.store(aml.local(0), aml.path('STAT'))],
                [aml.notify('\\_SB.DEV', 0x81), aml.returns(aml.or(aml.path('^^DEV.STAT'), 1))],
              ),
              aml.returns(aml.and(aml.path('\\_SB.DEV.LONG'), 0xf0)),
            ),
            aml.method('AGAN', { serialized: true }, aml.returns(aml.call('TEST', 1, 2n ** 40n))),
          ),
        ),
      ),
    );
    const text = source.replaceAll(/\s*\/[/*].*$/gm, '').replaceAll(/\s+/g, ' ');
    for (const part of [
      'OperationRegion (PORT, SystemIO, 0x0600, 0x04)',
      'Field (PORT, ByteAcc, NoLock, WriteAsZeros) { STAT, 8, , 7, HIGH, 1, LONG, 16 }',
      'Local0 = Arg1 STAT = Local0',
      'Notify (\\_SB.DEV, 0x81)',
      'Return ((^^DEV.STAT | One))',
      'Return ((\\_SB.DEV.LONG & 0xF0))',
      'Method (AGAN, 0, Serialized) { Return (TEST (One, 0x0000010000000000)) }',
    ]) {
      expect(text).toContain(part);
    }
    expect(
      compiled(
        'DefinitionBlock ("", "DSDT", 2, "A", "B", 1) { Name (GUID, ToUUID ("5b4dd61f-3f22-4ae1-8b2c-0123456789ab")) }',
      ),
    ).toEqual(Buffer.from(aml.name('GUID', aml.uuid('5b4dd61f-3f22-4ae1-8b2c-0123456789ab'))));
  });
});
