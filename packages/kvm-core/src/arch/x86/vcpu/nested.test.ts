import { expect, test } from 'vitest';
import { onEachBackend } from '../../../../test/backends.js';
import { kvmError } from '../../../../test/errors.js';
import { realModeGuest } from '../../../../test/real-mode.js';
import { Cap, KvmNestedState, KvmSvmNestedStateData, NestedStateFlag } from '../../../abi/x86/index.js';

const wrong = (value: unknown): never => value as never;

onEachBackend('the nested state of a vCPU', (backend) => {
  test('can be read and set, with the length that the host reports', (context) => {
    using guest = realModeGuest(backend, [0xf4]);
    const { kvm, vcpu } = guest;
    const room = kvm.capabilities().value(Cap.NestedState);
    if (room === 0) return context.skip('the host lacks KVM_CAP_NESTED_STATE');
    vcpu.setCpuid2(kvm.getSupportedCpuid());
    const state = vcpu.getNestedState();
    expect(state.bytes.length).toBe(room);
    expect(state.size).toBeGreaterThanOrEqual(KvmNestedState.size);
    expect(state.flags & NestedStateFlag.GuestMode).toBe(0);
    vcpu.setNestedState(state);
    expect(vcpu.getNestedState().equals(state)).toBe(true);
    state.size = room + 1;
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.setNestedState(state));
  });

  test('is a missing capability on a host without nested virtualisation', (context) => {
    using guest = realModeGuest(backend, [0xf4]);
    const { kvm, vcpu } = guest;
    if (kvm.capabilities().has(Cap.NestedState)) return context.skip('the host has KVM_CAP_NESTED_STATE');
    for (const use of [() => vcpu.getNestedState(), () => vcpu.setNestedState({})]) {
      expect(kvmError('ERR_KVM_UNSUPPORTED', use).message).toMatch(
        /lacks KVM_CAP_NESTED_STATE, Cap.NestedState \(it came with Linux/,
      );
    }
  });

  test('is refused if it is invalid', () => {
    using guest = realModeGuest(backend, [0xf4]);
    for (const value of [null, 5, [], { data: { svm: [{}] } }]) {
      expect(() => guest.vcpu.setNestedState(wrong(value))).toThrow(expect.objectContaining({ name: 'KvmError' }));
    }
  });
});

test('the data of a nested state are the bytes after its header', () => {
  const state = KvmNestedState.at(new Uint8Array(KvmNestedState.size + KvmSvmNestedStateData.size));
  expect(new KvmNestedState().data.svm.length).toBe(0);
  expect([state.data.svm.length, state.data.vmx.length]).toEqual([1, 0]);
  state.data.svm[0]?.vmcb12.set([7], 4095);
  expect(state.bytes[KvmNestedState.size + 4095]).toBe(7);
});
