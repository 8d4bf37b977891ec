import { existsSync, readFileSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import type { Architecture } from '../arch/architecture.js';
import { entryFor } from '../arch/list.js';
import type { Backend, BackendName } from '../backend/backend.js';
import { announceBackend } from '../backend/select.js';
import { errnoName, KvmError } from '../errors/kvm-error.js';
import { Descriptor } from '../ioctl/descriptor.js';
import { systemCall } from '../ioctl/system-call.js';
import { optionsOf } from '../struct/options.js';

const { EACCES, EPERM, ENOENT, ENODEV, ENXIO } = constants.errno;

export interface KvmOptions {
  /** The backend. Default: `KVM_BACKEND` of the environment, else native if its binary loads, else ffi. */
  backend?: BackendName;
  /** The path of the device. Default: `/dev/kvm`. */
  path?: string;
}

/** Opens KVM for the ABI of one architecture, and checks that the kernel has the one stable version of the API. */
export function openSystem(arch: Architecture, options: KvmOptions): Descriptor {
  const { backend: name, path = '/dev/kvm' } = optionsOf(options, 'the options of Kvm.open', ['backend', 'path']);
  const backend = announceBackend(name);
  checkMachine(arch);
  const fd = openDevice(backend, path);
  try {
    checkApiVersion(arch, backend, fd, path);
  } catch (error) {
    backend.close(fd);
    throw error;
  }
  return new Descriptor(arch, backend, fd);
}

function checkMachine({ name, machine }: Architecture): void {
  if (process.arch === machine) return;
  const entry = entryFor(process.arch);
  throw new KvmError('ERR_KVM_UNSUPPORTED', `this is the API of KVM on ${name}; this process runs on ${process.arch}`, {
    hint: entry && `import from '${entry}'`,
  });
}

function checkApiVersion({ abi }: Architecture, backend: Backend, fd: number, path: string): void {
  const { name: ioctl, request } = abi.KVM_GET_API_VERSION;
  const version = backend.ioctl(fd, request, 0);
  if (version === abi.KVM_API_VERSION) return;
  if (version < 0) {
    throw new KvmError('ERR_KVM_UNAVAILABLE', `${path} is not KVM: it reports no API version`, {
      errno: -version,
      ioctl,
      hint: errnoName(-version),
    });
  }
  throw new KvmError(
    'ERR_KVM_API_VERSION',
    `this kernel's KVM has version ${version} of the API, not ${abi.KVM_API_VERSION}`,
    { ioctl },
  );
}

/** Opens the device, or throws an error with the reason and a remedy. */
export function openDevice(backend: Backend, path: string): number {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'the path of the device must be a string without NUL');
  }
  const fd = backend.open(path);
  const errno = -fd;
  if (errno === EACCES || errno === EPERM) {
    throw new KvmError('ERR_KVM_PERMISSION', `${path}: this user may not open it`, {
      errno,
      hint: errno === EPERM ? filterHint : permissionHint(path),
    });
  }
  if (errno === ENOENT || errno === ENODEV || errno === ENXIO) {
    const what = errno === ENOENT ? 'there is no such device' : 'no kernel module provides the device';
    throw new KvmError('ERR_KVM_UNAVAILABLE', `${path}: ${what}`, { errno, hint: unavailableHint() });
  }
  return systemCall(`opening ${path}`, fd);
}

/** File permissions give EACCES; EPERM comes from a device filter. */
const filterHint =
  'a device filter forbids it: start a container with `--device /dev/kvm`, ' +
  'give a systemd unit `DeviceAllow=/dev/kvm rw`';

function permissionHint(path: string): string {
  const group = groupThatMayOpen(path);
  return group === undefined
    ? `let one of your groups open it: \`sudo chgrp GROUP ${path}\` and \`sudo chmod g+rw ${path}\``
    : `join the group ${group}: \`sudo usermod -aG ${group} $USER\`, then log in again`;
}

/** The name of the device's group, if it may read and write and is not root's. */
function groupThatMayOpen(path: string): string | undefined {
  const readAndWrite = 0o060;
  const root = 0;
  try {
    const { gid, mode } = statSync(path);
    if (gid === root || (mode & readAndWrite) !== readAndWrite) return undefined;
    const line = readFileSync('/etc/group', 'utf8')
      .split('\n')
      .find((entry) => entry.split(':')[2] === String(gid));
    return line?.split(':', 1)[0];
  } catch {
    // A missing hint is better than a second error.
    return undefined;
  }
}

function unavailableHint(): string {
  const modules = 'load the module, `sudo modprobe kvm_intel` or `sudo modprobe kvm_amd`';
  return existsSync('/.dockerenv')
    ? `${modules}, and pass the device to the container with \`--device /dev/kvm\``
    : `${modules}; in a virtual machine, its host must enable nested virtualisation for it`;
}
