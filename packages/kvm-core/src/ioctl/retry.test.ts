import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { answered } from '../../test/answered.js';
import { onEachBackend } from '../../test/backends.js';
import { kvmError } from '../../test/errors.js';
import { KVM_CREATE_VM } from '../abi/x86/index.js';
import { Kvm } from '../arch/x86/kvm.js';
import { retried, retries } from './retry.js';

const { EINTR, EBUSY } = constants.errno;

test('an interrupted call is retried until it returns another result', () => {
  for (const result of [0, 7, -EBUSY]) {
    const results = [-EINTR, -EINTR, result];
    expect(retried(() => results.shift() as number)).toBe(result);
    expect(results).toEqual([]);
  }
});

test('a call that is always interrupted fails', () => {
  let calls = 0;
  const result = retried(() => {
    calls++;
    return -EINTR;
  });
  expect([result, calls]).toEqual([-EINTR, retries]);
});

onEachBackend('a VM whose creation signals interrupt', (backend) => {
  test('gives an error with the reason', () => {
    using kvm = Kvm.open({ backend });
    let calls = 0;
    using _ = answered(backend, KVM_CREATE_VM, () => {
      calls++;
      return -EINTR;
    });
    const error = kvmError('ERR_KVM_SYSCALL', () => kvm.createVm());
    expect(error).toMatchObject({
      errno: EINTR,
      ioctl: 'KVM_CREATE_VM',
      hint: expect.stringMatching(/each of 11 times/),
    });
    expect(calls).toBe(retries + 1);
  });

  test('is created once the signals stop', () => {
    using kvm = Kvm.open({ backend });
    let calls = 0;
    {
      using _ = answered(backend, KVM_CREATE_VM, () => (++calls < 4 ? -EINTR : -EBUSY));
      expect(kvmError('ERR_KVM_SYSCALL', () => kvm.createVm()).errno).toBe(EBUSY);
    }
    expect(calls).toBe(4);
    using vm = kvm.createVm();
    expect(vm.closed).toBe(false);
  });
});
