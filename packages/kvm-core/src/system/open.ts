import { existsSync, readFileSync, statSync } from 'node:fs';
import { arch, constants } from 'node:os';
import type { Backend } from '../backend/backend.js';
import { KvmError } from '../errors/kvm-error.js';
import { systemCall } from '../errors/system-call.js';

const { EACCES, EPERM, ENOENT, ENODEV, ENXIO } = constants.errno;

/** Opens the device, or says why that cannot be and what to do about it. */
export function openDevice(backend: Backend, path: string): number {
  if (arch() !== 'x64') {
    throw new KvmError('ERR_KVM_UNSUPPORTED', `@kvm/core has the ABI of x86-64 only; this process runs on ${arch()}`);
  }
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'the path of the device must be a string without NUL');
  }
  const fd = backend.open(path);
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
  return systemCall(`opening ${path}`, fd);
}

/** A group helps only where the device belongs to one that may open it. */
function permissionHint(path: string): string {
  const open = `\`sudo chmod 666 ${path}\``;
  const group = groupThatMayOpen(path);
  if (group === undefined) return `give it to a group of yours, or let everybody open it: ${open}`;
  return `join the group ${group} that may: \`sudo usermod -aG ${group} $USER\` and a new login; or ${open}`;
}

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
    // A hint is worth no second error.
    return undefined;
  }
}

function unavailableHint(): string {
  const modules = 'load the module, `sudo modprobe kvm_intel` or `sudo modprobe kvm_amd`';
  return existsSync('/.dockerenv')
    ? `${modules}, and give it to the container with \`--device /dev/kvm\``
    : `${modules}; in a virtual machine, nested virtualisation has to be on for it at its host`;
}
