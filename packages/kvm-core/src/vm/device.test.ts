import { readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../test/backends.js';
import { kvmError } from '../../test/errors.js';
import { DeviceType, KVM_DEV_VFIO_FILE, KVM_DEV_VFIO_FILE_ADD, KVM_DEV_VFIO_FILE_DEL } from '../abi/x86/index.js';
import { Kvm } from '../arch/x86/kvm.js';
import { Device } from './device.js';

const { EBADF, EBUSY, EINVAL, ENODEV, ENXIO } = constants.errno;
const add = { group: KVM_DEV_VFIO_FILE, attr: KVM_DEV_VFIO_FILE_ADD };

onEachBackend('a Device', (backend) => {
  function hasVfio(kvm: Kvm): boolean {
    using vm = kvm.createVm();
    try {
      vm.createDevice(DeviceType.Vfio, { test: true });
      return true;
    } catch {
      return false;
    }
  }

  test('is created once and closed once, and keeps its VM alive', (context) => {
    using kvm = Kvm.open({ backend });
    if (!hasVfio(kvm)) context.skip('the host has no VFIO device');
    const vm = kvm.createVm();
    const device = vm.createDevice(DeviceType.Vfio);
    expect(device).toBeInstanceOf(Device);
    expect([device.kind, device.type, device.closed]).toEqual(['device', DeviceType.Vfio, false]);
    const again = kvmError('ERR_KVM_SYSCALL', () => vm.createDevice(DeviceType.Vfio));
    expect(again).toMatchObject({ errno: EBUSY, ioctl: 'KVM_CREATE_DEVICE' });
    expect(again.hint).toMatch(/already/);
    const fds = [vm.fd, device.fd];
    for (const fd of fds) expect(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')).toMatch(/^flags:\s*02/m);
    vm.close();
    expect(device.hasDeviceAttr(add)).toBe(true);
    device.close();
    device.close();
    for (const fd of fds) expect(() => readFileSync(`/proc/self/fdinfo/${fd}`)).toThrow(/ENOENT/);
    kvmError('ERR_KVM_CLOSED', () => device.hasDeviceAttr(add));
    kvmError('ERR_KVM_CLOSED', () => device.setDeviceAttr(add, 0));
    kvmError('ERR_KVM_CLOSED', () => device.fd);
  });

  test('takes attributes, and reports which of them it lacks', (context) => {
    using kvm = Kvm.open({ backend });
    if (!hasVfio(kvm)) context.skip('the host has no VFIO device');
    using vm = kvm.createVm();
    using device = vm.createDevice(DeviceType.Vfio);
    expect(device.hasDeviceAttr({ ...add, attr: KVM_DEV_VFIO_FILE_DEL })).toBe(true);
    expect(device.hasDeviceAttr({ group: 0x7fff, attr: 0 })).toBe(false);
    // The value of the attribute is a descriptor.
    expect(kvmError('ERR_KVM_SYSCALL', () => device.setDeviceAttr(add, -1)).errno).toBe(EBADF);
    using eventfd = kvm.createEventFd();
    expect(kvmError('ERR_KVM_SYSCALL', () => device.setDeviceAttr(add, eventfd.fd)).errno).toBe(EINVAL);
    const none = kvmError('ERR_KVM_SYSCALL', () => device.setDeviceAttr({ group: 0x7fff, attr: 0 }));
    expect(none.errno).toBe(ENXIO);
    expect(none.hint).toMatch(/no such attribute/);
  });

  test('is not created by a test, or if the host lacks it', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    const before = readdirSync('/proc/self/fd').length;
    if (hasVfio(kvm)) expect(vm.createDevice(DeviceType.Vfio, { test: true })).toBeUndefined();
    // x86 has none of s390's devices.
    for (const use of [
      () => vm.createDevice(DeviceType.Flic),
      () => vm.createDevice(DeviceType.Flic, { test: true }),
      () => vm.createDevice(0xffff_ffff),
    ]) {
      const error = kvmError('ERR_KVM_SYSCALL', use);
      expect(error).toMatchObject({ errno: ENODEV, ioctl: 'KVM_CREATE_DEVICE' });
      expect(error.hint).toMatch(/no device of this type/);
    }
    expect(readdirSync('/proc/self/fd')).toHaveLength(before);
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.createDevice('4' as never));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.createDevice(DeviceType.Vfio, { test: 1 as never }));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.createDevice(DeviceType.Vfio, null as never));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.createDevice(-1));
    vm.close();
    kvmError('ERR_KVM_CLOSED', () => vm.createDevice(DeviceType.Vfio));
  });
});
