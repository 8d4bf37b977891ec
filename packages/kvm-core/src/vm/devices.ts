import { closeOnExec, Descriptor } from '../ioctl/descriptor.js';
import { KvmFd } from '../ioctl/kvm-fd.js';
import { boolean, u32 } from '../struct/check.js';
import { optionsOf } from '../struct/options.js';
import { Device } from './device.js';

/** The devices of a VM that the kernel emulates, except those created by a separate ioctl. */
export abstract class VmDevices extends KvmFd<'vm'> {
  /**
   * Creates a device in the kernel. KVM_CREATE_DEVICE, api.rst 4.79. Older x86 kernels have the ioctl without
   * Cap.DeviceCtrl.
   *
   * @param type one of `DeviceType`. Architecture and kernel decide which exist; VFIO's exists everywhere.
   * @throws KvmError `ERR_KVM_SYSCALL` with ENODEV if this host has no such device, EEXIST or EBUSY if the VM already
   *   has its only one.
   */
  createDevice(type: number): Device;
  /** Only tests whether the host has the device: creates nothing, and throws the same error if the host lacks it. */
  createDevice(type: number, options: { test: true }): undefined;
  createDevice(type: number, options: { test?: boolean } = {}): Device | undefined {
    const { test = false } = optionsOf(options, 'the options of createDevice', ['test']);
    const { KVM_CREATE_DEVICE, KvmCreateDevice, CreateDeviceFlag } = this.abi;
    const flags = boolean(test, 'test') ? CreateDeviceFlag.Test : 0;
    const argument = KvmCreateDevice.from({ type: u32(type, 'a device type'), flags });
    this.call(KVM_CREATE_DEVICE, this.addressOf(argument));
    if (test) return undefined;
    const parent = KvmFd.descriptorOf(this);
    closeOnExec(parent, argument.fd);
    return new Device(new Descriptor(parent.arch, parent.backend, argument.fd, parent), type);
  }
}
