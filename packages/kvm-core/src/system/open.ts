import { constants as access, accessSync, existsSync } from 'node:fs';
import { arch, constants } from 'node:os';
import type { Backend } from '../backend/backend.js';
import { errnoName, KvmError } from '../errors/kvm-error.js';

const { EACCES, EPERM, ENOENT, ENODEV, ENXIO } = constants.errno;

/** Opens the device, or says why that cannot be and what to do about it. */
export function openDevice(backend: Backend, path: string): number {
  if (arch() !== 'x64') {
    throw new KvmError('ERR_KVM_UNSUPPORTED', `@kvm/core has the ABI of x86-64 only; this process runs on ${arch()}`);
  }
  const fd = backend.open(path);
  if (fd >= 0) return fd;
  const errno = -fd;
  if (errno === EACCES || errno === EPERM) {
    throw new KvmError('ERR_KVM_PERMISSION', `${path}: this user may not open it`, {
      errno,
      hint: permissionHint(path),
    });
  }
  if (errno === ENOENT || errno === ENODEV || errno === ENXIO) {
    const what = errno === ENOENT ? 'there is no such device' : 'no module stands behind the device';
    throw new KvmError('ERR_KVM_UNAVAILABLE', `${path}: ${what}`, { errno, hint: unavailableHint() });
  }
  throw new KvmError('ERR_KVM_UNAVAILABLE', `${path}: ${errnoName(errno)}`, { errno });
}

function permissionHint(path: string): string {
  return `join the group that owns it, with \`sudo usermod -aG kvm $USER\` and a new login, or \`sudo chmod 666 ${path}\``;
}

function unavailableHint(): string {
  const modules = 'load the module, `sudo modprobe kvm_intel` or `sudo modprobe kvm_amd`';
  if (!existsSync('/proc/cpuinfo')) return modules;
  try {
    accessSync('/.dockerenv', access.F_OK);
    return `${modules}, and give it to the container with \`--device /dev/kvm\``;
  } catch {
    return `${modules}; in a virtual machine, nested virtualisation has to be on for it at its host`;
  }
}
