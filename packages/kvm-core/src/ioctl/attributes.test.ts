import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../test/backends.js';
import { detached } from '../../test/detached.js';
import { kvmError } from '../../test/errors.js';
import {
  Cap,
  KVM_SET_DEVICE_ATTR,
  KVM_VCPU_TSC_CTRL,
  KVM_VCPU_TSC_OFFSET,
  KVM_X86_GRP_SYSTEM,
  KVM_X86_XCOMP_GUEST_SUPP,
  KvmDeviceAttr,
} from '../abi/x86/index.js';
import { Kvm } from '../arch/x86/kvm.js';

const { ENXIO } = constants.errno;

const tscOffset = { group: KVM_VCPU_TSC_CTRL, attr: KVM_VCPU_TSC_OFFSET };
const xcomp = { group: KVM_X86_GRP_SYSTEM, attr: KVM_X86_XCOMP_GUEST_SUPP };
const absent = { group: 0x7fff, attr: 0n };

/** A host whose own TSC is unstable keeps changing the offset, by some millions. */
function isNear(offset: bigint, wanted: bigint): boolean {
  const distance = BigInt.asIntN(64, offset - wanted);
  return distance > -(1n << 40n) && distance < 1n << 40n;
}

onEachBackend('attributes', (backend) => {
  test('of /dev/kvm include the extended states that a guest may have', (context) => {
    using kvm = Kvm.open({ backend });
    if (kvm.checkExtension(Cap.SysAttributes) === 0) context.skip('the host lacks KVM_CAP_SYS_ATTRIBUTES');
    expect(kvm.hasDeviceAttr(xcomp)).toBe(true);
    const states = kvm.getDeviceAttr(xcomp);
    // x87 and SSE, which every 64-bit processor has.
    expect(states & 3n).toBe(3n);
    const bytes = kvm.getDeviceAttr(xcomp, new Uint8Array(8));
    expect(new DataView(bytes.buffer).getBigUint64(0, true)).toBe(states);
    expect(kvm.getDeviceAttr(xcomp, new BigUint64Array(1))).toEqual(BigUint64Array.of(states));
    expect(kvm.hasDeviceAttr(absent)).toBe(false);
    expect(kvmError('ERR_KVM_SYSCALL', () => kvm.getDeviceAttr(absent))).toMatchObject({ errno: ENXIO });
  });

  test('of a vCPU, such as the TSC offset, are set and read back', (context) => {
    using kvm = Kvm.open({ backend });
    if (kvm.checkExtension(Cap.VcpuAttributes) === 0) context.skip('the host lacks KVM_CAP_VCPU_ATTRIBUTES');
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    expect(vcpu.hasDeviceAttr(tscOffset)).toBe(true);
    expect(vcpu.hasDeviceAttr(absent)).toBe(false);
    vcpu.setDeviceAttr(tscOffset, 0xffff_1234_5678_9abcn);
    if (vcpu.getDeviceAttr(tscOffset) === 0n) context.skip('the host takes a TSC offset and does not keep it');
    expect(isNear(vcpu.getDeviceAttr(tscOffset), 0xffff_1234_5678_9abcn)).toBe(true);
    vcpu.setDeviceAttr(tscOffset, BigUint64Array.of(1n << 60n));
    expect(isNear(vcpu.getDeviceAttr(tscOffset), 1n << 60n)).toBe(true);
    vcpu.setDeviceAttr(tscOffset, Uint8Array.of(7));
    expect(isNear(vcpu.getDeviceAttr(tscOffset), 7n)).toBe(true);
  });

  test('that are longer than the buffer are refused, and no other bytes are written', (context) => {
    using kvm = Kvm.open({ backend });
    if (kvm.checkExtension(Cap.SysAttributes) === 0) context.skip('the host lacks KVM_CAP_SYS_ATTRIBUTES');
    const bytes = new Uint8Array(16).fill(0xee);
    const error = kvmError('ERR_KVM_OUT_OF_RANGE', () => kvm.getDeviceAttr(xcomp, bytes.subarray(0, 4)));
    expect(error.message).toMatch(/longer than 4 bytes/);
    expect(bytes.every((byte) => byte === 0xee)).toBe(true);
    // A longer buffer is unchanged after the attribute.
    kvm.getDeviceAttr(xcomp, bytes);
    expect([...bytes.subarray(8)]).toEqual(new Array(8).fill(0xee));
  });

  test('are refused with the name of the capability if the host lacks it', (context) => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    if (vm.checkExtension(Cap.VmAttributes) !== 0) context.skip('the host has KVM_CAP_VM_ATTRIBUTES');
    expect(vm.hasDeviceAttr({ group: 0, attr: 0 })).toBe(false);
    for (const use of [
      () => vm.setDeviceAttr({ group: 0, attr: 0 }),
      () => vm.setDeviceAttr({ group: 0, attr: 0 }, 1n),
      () => vm.getDeviceAttr({ group: 0, attr: 0 }),
    ]) {
      expect(kvmError('ERR_KVM_UNSUPPORTED', use).message).toMatch(/KVM_CAP_VM_ATTRIBUTES/);
    }
  });

  test('refuse an address, a wrong attribute and a wrong value', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    const wrong = (value: unknown): never => value as never;
    const raw = KvmDeviceAttr.from({ group: KVM_VCPU_TSC_CTRL, addr: 4096n });
    kvmError('ERR_KVM_UNSAFE', () => vcpu.ioctl(KVM_SET_DEVICE_ATTR, raw));
    for (const use of [
      () => vcpu.hasDeviceAttr(wrong(undefined)),
      () => vcpu.hasDeviceAttr(wrong({})),
      () => vcpu.getDeviceAttr(wrong({ group: 0 })),
      () => vcpu.getDeviceAttr(tscOffset, wrong(8)),
      () => vcpu.getDeviceAttr(tscOffset, wrong('bytes')),
      () => vcpu.setDeviceAttr(tscOffset, wrong('1')),
      () => vcpu.setDeviceAttr(tscOffset, wrong({})),
      () => vcpu.setDeviceAttr(tscOffset, detached(new Uint8Array(8))),
      () => vcpu.getDeviceAttr(tscOffset, detached(new DataView(new ArrayBuffer(8)))),
      () => vcpu.setDeviceAttr(tscOffset, wrong(new ArrayBuffer(8))),
    ]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', use);
    }
    for (const use of [
      () => vcpu.hasDeviceAttr({ group: -1, attr: 0 }),
      () => vcpu.hasDeviceAttr({ group: 0, attr: 1n << 64n }),
      () => vcpu.hasDeviceAttr({ group: 0, attr: -1 }),
      () => vcpu.setDeviceAttr(tscOffset, 1n << 64n),
      () => vcpu.setDeviceAttr(tscOffset, -1n),
      () => vcpu.setDeviceAttr(tscOffset, 2 ** 32),
    ]) {
      kvmError('ERR_KVM_OUT_OF_RANGE', use);
    }
    const two = new BigUint64Array(2);
    if (vcpu.hasDeviceAttr(tscOffset)) expect(vcpu.getDeviceAttr(tscOffset, two)).toBe(two);
    vcpu.close();
    for (const use of [
      () => vcpu.hasDeviceAttr(tscOffset),
      () => vcpu.getDeviceAttr(tscOffset),
      () => vcpu.setDeviceAttr(tscOffset, 0n),
    ]) {
      kvmError('ERR_KVM_CLOSED', use);
    }
  });
});
