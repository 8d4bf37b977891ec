import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../test/backends.js';
import { detached } from '../../test/detached.js';
import { kvmError } from '../../test/errors.js';
import { Cap, KVM_REG_SIZE, KVM_X86_REG_MSR, RegSize } from '../abi/x86/index.js';
import { Kvm } from '../arch/x86/kvm.js';

const IA32_STAR = 0xc000_0081;
const star = KVM_X86_REG_MSR(IA32_STAR);
const sizeMask = ~(0xfn << 52n);

onEachBackend('one register', (backend) => {
  test('is the MSR of its id, when read and when set', (context) => {
    using kvm = Kvm.open({ backend });
    if (kvm.checkExtension(Cap.OneReg) === 0) context.skip('the host lacks KVM_CAP_ONE_REG');
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    for (const value of [0x0123_4567_89ab_cdefn, 0n, 0x8000_0000_0000_0001n]) {
      vcpu.setOneReg(star, value);
      expect(vcpu.getOneReg(star)).toBe(value);
      expect(vcpu.getMsrs([IA32_STAR])[0]?.data).toBe(value);
    }
    vcpu.setOneReg(star, Uint8Array.of(8, 7, 6, 5, 4, 3, 2, 1));
    expect(vcpu.getOneReg(star)).toBe(0x0102_0304_0506_0708n);
  });

  test('that does not exist is refused, for every length in the id', (context) => {
    using kvm = Kvm.open({ backend });
    if (kvm.checkExtension(Cap.OneReg) === 0) context.skip('the host lacks KVM_CAP_ONE_REG');
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    for (const size of [...Object.values(RegSize), 15n << 52n]) {
      const id = (star & sizeMask) | size;
      if (id === star) continue;
      const error = kvmError('ERR_KVM_SYSCALL', () => vcpu.getOneReg(id));
      expect(error).toMatchObject({ errno: constants.errno.EINVAL, ioctl: 'KVM_GET_ONE_REG' });
      expect(error.hint).toMatch(/no such register: getRegList/);
      const bytes = new Uint8Array(KVM_REG_SIZE(id));
      expect(kvmError('ERR_KVM_SYSCALL', () => vcpu.setOneReg(id, bytes)).ioctl).toBe('KVM_SET_ONE_REG');
    }
    expect(vcpu.getOneReg(star)).toBe(0n);
  });

  test('refuses a value whose length differs from that in the id', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    const wrong = (value: unknown): never => value as never;
    const half = (star & sizeMask) | RegSize.U32;
    const long = (star & sizeMask) | RegSize.U128;
    for (const [id, value] of [
      [star, new Uint8Array(7)],
      [star, new Uint8Array(9)],
      [star, new Uint8Array(0)],
      [star, 1n << 64n],
      [star, -1n],
      [half, 1n << 32n],
      [long, new Uint8Array(8)],
      [wrong(1), 0n],
      [-1n, 0n],
      [1n << 64n, 0n],
    ] as const) {
      kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.setOneReg(id, value));
    }
    const message = kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.setOneReg(half, 1n << 32n)).message;
    expect(message).toMatch(/the value of the register 0x2020[0-9a-f]+ must be a bigint from 0 to 4294967295/);
    expect(kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setOneReg(long, 1n)).message).toMatch(/of 16 bytes/);
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setOneReg(star, wrong('1')));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setOneReg(star, wrong(undefined)));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.getOneReg(wrong('pc')));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.getOneReg(wrong(1)));
  });

  test('can be read for every id in the list', (context) => {
    using kvm = Kvm.open({ backend });
    if (kvm.checkExtension(Cap.OneReg) === 0) context.skip('the host lacks KVM_CAP_ONE_REG');
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    for (const length of [4, 16]) {
      kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.setOneReg(star, new Uint8Array(length)));
    }
    for (const wrong of [detached(new Uint8Array(8)), new Uint16Array(4), [1, 2], null]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setOneReg(star, wrong as never));
    }
    const list = vcpu.getRegList();
    expect(list).toBeInstanceOf(BigUint64Array);
    for (const id of list) expect(vcpu.getOneReg(id)).toBeDefined();
    vcpu.close();
    for (const use of [() => vcpu.getRegList(), () => vcpu.getOneReg(star), () => vcpu.setOneReg(star, 1n)]) {
      kvmError('ERR_KVM_CLOSED', use);
    }
  });

  test('is refused with the name of the capability if the host lacks it', (context) => {
    using kvm = Kvm.open({ backend });
    if (kvm.checkExtension(Cap.OneReg) !== 0) context.skip('the host has KVM_CAP_ONE_REG');
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    for (const use of [() => vcpu.getOneReg(star), () => vcpu.setOneReg(star, 1n), () => vcpu.getRegList()]) {
      expect(kvmError('ERR_KVM_UNSUPPORTED', use).message).toMatch(/KVM_CAP_ONE_REG/);
    }
  });
});
