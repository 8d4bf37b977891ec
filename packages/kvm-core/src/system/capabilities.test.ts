import { expect, test, vi } from 'vitest';
import { onEachBackend } from '../../test/backends.js';
import { kvmError } from '../../test/errors.js';
import { Cap, capNames } from '../abi/x86/index.js';
import { Kvm } from '../arch/x86/kvm.js';
import { Capabilities } from './capabilities.js';

const wrong = (value: unknown): never => value as never;

onEachBackend('the capabilities of a host', (backend) => {
  test('have the values of KVM_CHECK_EXTENSION, by name', () => {
    using kvm = Kvm.open({ backend });
    const capabilities = kvm.capabilities();
    expect(capabilities.has(Cap.UserMemory)).toBe(true);
    expect(capabilities.value(Cap.NrMemslots)).toBe(kvm.checkExtension(Cap.NrMemslots));
    const all = [...capabilities];
    expect(all.map(({ name }) => name)).toEqual(Object.values(capNames));
    for (const { cap, value } of all) expect(value, capNames[cap]).toBe(kvm.checkExtension(cap));
    expect(capabilities.get(Cap.PreFaultMemory)).toMatchObject({
      name: 'KVM_CAP_PRE_FAULT_MEMORY',
      since: 'Linux 6.12 or earlier',
    });
  });

  test('are the same object each time, until the Kvm is closed', () => {
    const kvm = Kvm.open({ backend });
    const capabilities = kvm.capabilities();
    expect(kvm.capabilities()).toBe(capabilities);
    kvm.close();
    kvmError('ERR_KVM_CLOSED', () => kvm.capabilities());
    kvmError('ERR_KVM_CLOSED', () => capabilities.has(Cap.UserMemory));
  });

  test('are refused for a value that is not a number', () => {
    using kvm = Kvm.open({ backend });
    const capabilities = kvm.capabilities();
    for (const value of [undefined, null, 'UserMemory', {}, [], Symbol.iterator]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => capabilities.value(wrong(value)));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => capabilities.require(wrong(value)));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => capabilities.get(wrong(value)));
    }
    kvmError('ERR_KVM_OUT_OF_RANGE', () => capabilities.has(wrong(-1)));
    expect(capabilities.has(wrong(0x7fff_ffff))).toBe(false);
  });

  test('that are missing are named by the error of enableCap', (context) => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    const lacking = [Cap.SgxAttribute, Cap.X86NotifyVmExit, Cap.X86BusLockExit].find((c) => vm.checkExtension(c) === 0);
    if (lacking === undefined) return context.skip('the host has every capability that could be missing');
    const friendly = Object.entries(Cap).find(([, cap]) => cap === lacking)?.[0];
    const error = kvmError('ERR_KVM_UNSUPPORTED', () => vm.enableCap(lacking));
    expect(error.message).toBe(
      `KVM_ENABLE_CAP: this host's KVM lacks ${capNames[lacking]}, Cap.${friendly} (it came with Linux 6.1 or earlier)`,
    );
  });
});

onEachBackend('a raw signal mask', (backend) => {
  test('is refused, because it could block kicks', async () => {
    const { KVM_SET_SIGNAL_MASK, KvmSignalMask } = await import('../abi/x86/index.js');
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    const mask = KvmSignalMask.from({ sigset: new Uint8Array(8) });
    expect(kvmError('ERR_KVM_UNSAFE', () => vcpu.ioctl(KVM_SET_SIGNAL_MASK, mask)).hint).toBe('use setSignalMask()');
  });
});

test('a capability is queried once, and require names the first that is missing', () => {
  const ask = vi.fn((cap: number) => (cap === 1 ? 5 : 0));
  const names = { 1: 'KVM_CAP_ONE', 2: 'KVM_CAP_TWO' };
  const capabilities = new Capabilities(
    { Cap: { One: 1, Two: 2 }, capArch: {}, capNames: names, capSince: { 2: 'Linux 9.9' } },
    ask,
  );
  expect([...capabilities]).toEqual([
    { cap: 1, name: 'KVM_CAP_ONE', value: 5, since: undefined },
    { cap: 2, name: 'KVM_CAP_TWO', value: 0, since: 'Linux 9.9' },
  ]);
  capabilities.require(1);
  capabilities.require();
  expect(kvmError('ERR_KVM_UNSUPPORTED', () => capabilities.require(1, 2, 3)).message).toBe(
    "this host's KVM lacks KVM_CAP_TWO, Cap.Two (it came with Linux 9.9)",
  );
  expect(kvmError('ERR_KVM_UNSUPPORTED', () => capabilities.require(3)).message).toBe(
    "this host's KVM lacks KVM_CAP_(3)",
  );
  expect(ask.mock.calls).toEqual([[1], [2], [3]]);
});
