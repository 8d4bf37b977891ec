import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kvmError } from '../../test/errors.js';
import { KvmError } from '../errors/kvm-error.js';
import { SavedState } from './saved-state.js';

const parts = [
  { name: 'regs', bytes: Uint8Array.of(1, 2, 3) },
  { name: 'empty', bytes: new Uint8Array(0) },
  { name: 'msrs', bytes: Uint8Array.of(9), notes: { count: 1 } },
];
const state = SavedState.of('vcpu', 'x86', parts);

/** A document with this header and body. */
function document(header: unknown, body: readonly number[] = [], version = 1): Uint8Array {
  const json = typeof header === 'string' ? header : JSON.stringify(header);
  const bytes = Buffer.alloc(16 + json.length + body.length);
  bytes.write('KVMSTATE');
  bytes.writeUInt32LE(version, 8);
  bytes.writeUInt32LE(json.length, 12);
  bytes.write(json, 16);
  bytes.set(body, 16 + json.length);
  return bytes;
}

describe('a saved state', () => {
  test('survives a round trip through its bytes', () => {
    const again = SavedState.from(state.toBytes());
    expect(again.header).toEqual(state.header);
    expect(again.kind).toBe('vcpu');
    expect(again.arch).toBe('x86');
    for (const { name, bytes } of parts) expect(again.part(name)).toEqual(bytes);
    expect(again.notes('msrs')).toEqual({ count: 1 });
    expect(again.notes('regs')).toEqual({});
    expect(Buffer.concat([...again.chunks()]).equals(state.toBytes())).toBe(true);
    expect(state.size).toBe(state.toBytes().length);
  });

  test('describes its contents', () => {
    expect(JSON.parse(JSON.stringify(state))).toEqual({
      kind: 'vcpu',
      arch: 'x86',
      parts: [
        { name: 'regs', size: 3 },
        { name: 'empty', size: 0 },
        { name: 'msrs', size: 1, notes: { count: 1 } },
      ],
    });
    expect(state.has('regs')).toBe(true);
    expect(state.has('fpu')).toBe(false);
    expect(() => state.part('fpu')).toThrow('this state has no fpu');
  });

  test.each([
    ['not a state', Buffer.from('ELF and so on, for long enough'), 'do not begin with KVMSTATE'],
    ['nothing', new Uint8Array(0), 'do not begin with KVMSTATE'],
    ['a later version', document({}, [], 2), 'has version 2 of the document, and this package reads version 1'],
    ['a header that is not JSON', document('{"kind"'), 'is not JSON'],
    ['a header of another shape', document({ kind: 'disk', arch: 'x86', parts: [] }), 'lacks a valid kind'],
    ['a size below 0', document({ kind: 'vm', arch: 'x86', parts: [{ name: 'a', size: -1 }] }), 'lacks a valid kind'],
    [
      'a part twice',
      document({
        kind: 'vm',
        arch: 'x86',
        parts: [
          { name: 'a', size: 0 },
          { name: 'a', size: 0 },
        ],
      }),
      'lists a twice',
    ],
    ['a short body', document({ kind: 'vm', arch: 'x86', parts: [{ name: 'a', size: 2 }] }, [1]), 'a has 1 of 2 bytes'],
    ['a long body', document({ kind: 'vm', arch: 'x86', parts: [] }, [1]), 'has 1 bytes that its header does not list'],
    ['a cut header', state.toBytes().subarray(0, 40), 'is cut short, in its header'],
  ])('is refused if it is %s', (_, bytes, message) => {
    const error = kvmError('ERR_KVM_STATE', () => SavedState.from(bytes));
    expect(error.message).toContain(message);
  });

  test('is not a string', () => {
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => SavedState.from('KVMSTATE' as never));
  });

  test('parsed from any bytes is a state or an error', () => {
    const original = state.toBytes();
    const damage = fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(255)), { maxLength: 6 });
    fc.assert(
      fc.property(damage, fc.nat(original.length), (changes, length) => {
        const bytes = original.slice(0, length);
        for (const [at, byte] of changes) if (at < length) bytes[at] = byte;
        try {
          expect(SavedState.from(bytes).toBytes().length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(KvmError);
          expect((error as KvmError).code).toBe('ERR_KVM_STATE');
        }
      }),
      { numRuns: 1000 },
    );
  });
});
