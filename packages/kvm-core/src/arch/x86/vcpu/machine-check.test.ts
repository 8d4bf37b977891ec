import { expect, test } from 'vitest';
import { onEachBackend } from '../../../../test/backends.js';
import { kvmError } from '../../../../test/errors.js';
import { realModeGuest } from '../../../../test/real-mode.js';
import { Cap } from '../../../abi/x86/index.js';

const wrong = (value: unknown): never => value as never;
const MCG_CAP = 0x179;
const MC1_STATUS = 0x405;
const MC1_ADDR = 0x406;
/** Bits of a bank's status. */
const valid = 1n << 63n;
const hasAddress = 1n << 58n;

onEachBackend('machine checks', (backend) => {
  test('are reported in a bank that the guest reads', (context) => {
    using guest = realModeGuest(backend, [0xf4]);
    const { kvm, vcpu } = guest;
    if (!kvm.capabilities().has(Cap.Mce)) return context.skip('the host lacks KVM_CAP_MCE');
    const cap = (kvm.getMceCapSupported() & ~0xffn) | 4n;
    vcpu.setupMce(cap);
    const status = valid | hasAddress | 5n;
    vcpu.setMce({ bank: 1, status, addr: 0x1234n });
    const [mcgCap = 0n, ...bank] = vcpu.getMsrs([MCG_CAP, MC1_STATUS, MC1_ADDR]).map(({ data }) => data);
    // AMD processors have only the number of banks and bit 8. KVM drops the other features.
    expect([cap, cap & 0x1ffn]).toContain(mcgCap);
    expect(bank).toEqual([status, 0x1234n]);
  });

  test('are refused for missing banks, with a hint', (context) => {
    using guest = realModeGuest(backend, [0xf4]);
    const { kvm, vcpu } = guest;
    if (!kvm.capabilities().has(Cap.Mce)) return context.skip('the host lacks KVM_CAP_MCE');
    expect(kvmError('ERR_KVM_SYSCALL', () => vcpu.setupMce(0n)).hint).toMatch(/at least one/);
    vcpu.setupMce(4n);
    expect(kvmError('ERR_KVM_SYSCALL', () => vcpu.setMce({ bank: 4, status: valid })).hint).toMatch(/setupMce/);
    expect(kvmError('ERR_KVM_SYSCALL', () => vcpu.setMce({ bank: 1 })).hint).toMatch(/valid bit, 63/);
    for (const value of [undefined, null, 4, '4n']) {
      kvmError(value === 4 ? 'ERR_KVM_OUT_OF_RANGE' : 'ERR_KVM_INVALID_ARGUMENT', () => vcpu.setupMce(wrong(value)));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setMce(wrong(value)));
    }
  });
});
