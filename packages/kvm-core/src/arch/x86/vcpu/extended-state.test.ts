import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../../../test/backends.js';
import { kvmError } from '../../../../test/errors.js';
import { realModeGuest } from '../../../../test/real-mode.js';
import { Cap, KvmXcrs, KvmXsave } from '../../../abi/x86/index.js';

const wrong = (value: unknown): never => value as never;

/** Offsets in the XSAVE layout, in bytes. */
const MXCSR = 24;
const XMM0 = 160;
const XSTATE_BV = 512;
/** Bits of XSTATE_BV. */
const x87AndSse = 3n;

onEachBackend('the extended state of a vCPU', (backend) => {
  test('has the length that the host reports, can be set, and shows in the SSE registers', () => {
    using guest = realModeGuest(backend, [0xf4]);
    const { vcpu, vm } = guest;
    const size = vm.checkExtension(Cap.Xsave2);
    const xsave = size === 0 ? vcpu.getXsave() : vcpu.getXsave2();
    expect(xsave.bytes.length).toBe(Math.max(KvmXsave.size, size));
    xsave.view.setUint32(MXCSR, 0x1f80, true);
    xsave.bytes.set([1, 2, 3, 4], XMM0);
    xsave.view.setBigUint64(XSTATE_BV, x87AndSse, true);
    vcpu.setXsave(xsave);
    expect([...(vcpu.getFpu().xmm[0] ?? []).slice(0, 5)]).toEqual([1, 2, 3, 4, 0]);
    const back = size === 0 ? vcpu.getXsave() : vcpu.getXsave2(KvmXsave.at(new Uint8Array(size)));
    expect([...back.bytes.slice(XMM0, XMM0 + 5)]).toEqual([1, 2, 3, 4, 0]);
  });

  test('is refused if it is shorter than what the kernel reads', (context) => {
    using guest = realModeGuest(backend, [0xf4]);
    const { vcpu, vm } = guest;
    const size = vm.checkExtension(Cap.Xsave2);
    for (const value of [undefined, null, 5, [], new KvmXcrs()]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setXsave(wrong(value)));
    }
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.getXsave2(wrong(new KvmXcrs())));
    if (size <= KvmXsave.size) return context.skip(`the state on this host has ${size} bytes: none is too short`);
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.setXsave(new KvmXsave()));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.setXsave({ region: [1] }));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.getXsave2(new KvmXsave()));
    expect(kvmError('ERR_KVM_SYSCALL', () => vcpu.getXsave()).hint).toMatch(/getXsave2/);
  });

  test('is refused if its header names a component that the vCPU lacks', () => {
    using guest = realModeGuest(backend, [0xf4]);
    const hasLong = guest.kvm.capabilities().has(Cap.Xsave2);
    const xsave = hasLong ? guest.vcpu.getXsave2() : guest.vcpu.getXsave();
    xsave.view.setBigUint64(XSTATE_BV, 1n << 62n, true);
    const error = kvmError('ERR_KVM_SYSCALL', () => guest.vcpu.setXsave(xsave));
    expect(error).toMatchObject({ ioctl: 'KVM_SET_XSAVE', errno: constants.errno.EINVAL });
    expect(error.hint).toMatch(/components/);
  });
});

onEachBackend('the extended control registers of a vCPU', (backend) => {
  test('enable the states that CPUID has, and always x87', () => {
    using guest = realModeGuest(backend, [0xf4]);
    const { kvm, vcpu } = guest;
    const leaves = kvm.getSupportedCpuid();
    const offered = BigInt(leaves.find((leaf) => leaf.function === 0xd && leaf.index === 0)?.eax ?? 1);
    vcpu.setCpuid2(leaves);
    expect(vcpu.getXcrs()).toMatchObject({ nrXcrs: 1 });
    vcpu.setXcrs({ xcrs: [{ xcr: 0, value: offered }] });
    expect(vcpu.getXcrs().xcrs[0]?.value).toBe(offered);
    vcpu.setXcrs({ nrXcrs: 0, xcrs: [{ xcr: 0, value: 1n }] });
    expect(vcpu.getXcrs().xcrs[0]?.value).toBe(offered);
    const back = vcpu.getXcrs();
    back.xcrs[0]?.assign({ value: 1n });
    vcpu.setXcrs(back);
    expect(vcpu.getXcrs(new KvmXcrs()).equals(back)).toBe(true);
    expect(kvmError('ERR_KVM_SYSCALL', () => vcpu.setXcrs({ xcrs: [{ xcr: 0, value: 0n }] })).hint).toMatch(/bit 0/);
  });

  test('are refused if they are invalid', () => {
    using guest = realModeGuest(backend, [0xf4]);
    const { vcpu } = guest;
    for (const value of [undefined, null, 5, [], { xcrs: 5 }, { xcrs: [5] }, { nr: 1 }]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setXcrs(wrong(value)));
    }
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.setXcrs({ xcrs: Array(17).fill({}) }));
  });
});
