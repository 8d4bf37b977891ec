import { expect, test } from 'vitest';
import { detached } from '../../test/detached.js';
import { kvmError } from '../../test/errors.js';
import * as abi from '../abi/x86/index.js';
import { Struct, type StructType } from './struct.js';

const types = Object.values(abi).filter(
  (value): value is StructType & typeof abi.KvmRegs => typeof value === 'function' && value.prototype instanceof Struct,
);

test('after the buffer of a struct was transferred, its fields throw a KvmError or have no effect', () => {
  let refused = 0;
  for (const type of types) {
    const struct = new type() as unknown as Record<string, unknown> & Struct;
    detached(struct.bytes);
    for (const field of type.fields) {
      const calls: (() => unknown)[] = [() => struct[field]];
      for (const value of [0, 0n, [], {}]) calls.push(() => Object.assign(struct, { [field]: value }));
      for (const call of calls) {
        try {
          call();
        } catch (error) {
          expect(error, `${type.cName}.${field}`).toMatchObject({ name: 'KvmError' });
          refused++;
        }
      }
    }
  }
  expect(types.length).toBeGreaterThan(100);
  expect(refused).toBeGreaterThan(3000);
});

test('the fields of a struct in a buffer that has shrunk throw a KvmError, too', () => {
  // TypeScript's library of ES2023 lacks resizable buffers.
  const Resizable = ArrayBuffer as unknown as new (
    length: number,
    options: { maxByteLength: number },
  ) => ArrayBuffer & { resize(length: number): void };
  const buffer = new Resizable(abi.KvmRegs.size, { maxByteLength: 1024 });
  const regs = new abi.KvmRegs({ buffer, byteOffset: 0 });
  buffer.resize(8);
  expect(kvmError('ERR_KVM_INVALID_ARGUMENT', () => regs.rip).message).toMatch(/has shrunk/);
  kvmError('ERR_KVM_INVALID_ARGUMENT', () => {
    regs.rip = 5n;
  });
});
