import { closeOnExec, Descriptor } from '../ioctl/descriptor.js';
import { KvmFd } from '../ioctl/kvm-fd.js';
import { boolean, u32 } from '../struct/check.js';
import { optionsOf } from '../struct/options.js';
import { Device } from './device.js';

/** The devices of a VM that the kernel emulates, but for those an ioctl of their own makes. */
export abstract class VmDevices extends KvmFd<'vm'> {
  /**
   * A device of the kernel's. KVM_CREATE_DEVICE, api.rst 4.79. Older kernels of x86 have it
   * without Cap.DeviceCtrl.
   *
   * @param type of `DeviceType`. Which of them there are depends on architecture and kernel; VFIO's is everywhere.
   * @throws KvmError `ERR_KVM_SYSCALL` with ENODEV when this host has no such device, EEXIST or EBUSY when the VM has its one already.
   */
  createDevice(type: number): Device;
  /** Makes no device, and throws what making one of this type would throw for want of it: only whether the host has it is looked at. */
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
