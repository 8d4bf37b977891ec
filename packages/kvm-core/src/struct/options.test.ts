import { describe, expect, test } from 'vitest';
import { kvmError } from '../../test/errors.js';
import { KvmRegs } from '../abi/x86/index.js';
import { Kvm } from '../arch/x86/kvm.js';
import { optionsOf, unknownName } from './options.js';

interface Example {
  singleStep?: boolean;
  path?: string;
}

function example(value: unknown): Example {
  return optionsOf(value as Example, 'the options of example', ['singleStep', 'path']);
}

describe('an object of options', () => {
  test('is returned if all are known, even if it inherits them', () => {
    const options = { singleStep: true };
    expect(example(options)).toBe(options);
    const inherited = Object.create(options) as Example;
    expect(example(inherited)).toBe(inherited);
    expect(example(Object.assign(Object.create(null) as object, options))).toEqual(options);
  });

  test('is refused with an unknown option, which the error names with the nearest known one', () => {
    const error = kvmError('ERR_KVM_INVALID_ARGUMENT', () => example({ singlestep: true }));
    expect(error.message).toBe('the options of example: there is no option singlestep (did you mean singleStep?)');
    expect(kvmError('ERR_KVM_INVALID_ARGUMENT', () => example({ paht: '' })).hint).toBe('did you mean path?');
    expect(kvmError('ERR_KVM_INVALID_ARGUMENT', () => example({ xyzt: '' })).hint).toBe(
      'known names: singleStep, path',
    );
    expect(kvmError('ERR_KVM_INVALID_ARGUMENT', () => example({ pat: '' })).hint).toBe('did you mean path?');
  });

  test('is refused even if an unknown option is undefined, or inherited', () => {
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => example({ device: undefined }));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => example(Object.create({ device: 1 })));
  });

  test.each([undefined, null, 5, 'path', [], new Uint8Array(4), new KvmRegs()])('is not %o', (value) => {
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => example(value));
  });
});

test('a name without a near one gets the list of all names', () => {
  expect(unknownName('no', 'x'.repeat(1000), ['one', 'two']).hint).toBe('known names: one, two');
});

test('Kvm.open refuses an unknown option before it looks for the device', () => {
  const open = Kvm.open as (options: object) => Kvm;
  const error = kvmError('ERR_KVM_INVALID_ARGUMENT', () => open({ device: '/dev/null' }));
  expect(error.message).toBe('the options of Kvm.open: there is no option device (known names: backend, path)');
});

test('the error for an unknown field of a struct names it, with the nearest known one', () => {
  const init = { rpi: 1n } as object;
  expect(kvmError('ERR_KVM_INVALID_ARGUMENT', () => KvmRegs.from({ rflag: 2n } as object)).hint).toBe(
    'did you mean rflags?',
  );
  expect(kvmError('ERR_KVM_INVALID_ARGUMENT', () => KvmRegs.from(init)).message).toContain(
    'struct kvm_regs has no field rpi',
  );
});
