import { constants } from 'node:os';
import type { FdKind, Ioctl } from '../abi/ioctl.js';
import type { Architecture } from '../arch/architecture.js';
import { bothNames } from '../arch/names.js';
import { errnoName, KvmError } from '../errors/kvm-error.js';
import { originOf } from './capability-origin.js';
import { hintFor } from './hints.js';

const { EINVAL, ENOTTY, ENXIO, EOPNOTSUPP, ENODEV } = constants.errno;

/** The errnos of a call that the kernel does not have, or whose feature the host lacks. */
const missing = new Set([EINVAL, ENOTTY, ENXIO, EOPNOTSUPP, ENODEV]);

/**
 * The error for an ioctl that the kernel refused. If the refusal may mean that the host lacks the call, its capability
 * is checked here, so that a successful call does not pay for the check.
 */
export function ioctlError(
  ioctl: Ioctl,
  kind: FdKind,
  errno: number,
  checkExtension: (capability: number) => number,
  { abi, hints }: Architecture,
): KvmError {
  const { name } = ioctl;
  const capability = ioctl.capabilityOn?.[kind] ?? ioctl.capability;
  if (capability !== undefined && missing.has(errno) && checkExtension(capability.number) <= 0) {
    const hint = originOf(abi, capability);
    return new KvmError('ERR_KVM_UNSUPPORTED', `${name}: this host's KVM lacks ${bothNames(abi, capability)}`, {
      errno,
      ioctl: name,
      hint,
    });
  }
  // ENOTTY only means that the descriptor does not know the call, which may be newer than its capability.
  if (errno === ENOTTY) {
    const hint = hintFor(name, errno, hints);
    return new KvmError('ERR_KVM_UNSUPPORTED', `${name}: this host's KVM does not have it`, {
      errno,
      ioctl: name,
      hint,
    });
  }
  return new KvmError('ERR_KVM_SYSCALL', `${name}: ${errnoName(errno)}`, {
    errno,
    ioctl: name,
    hint: hintFor(name, errno, hints),
  });
}
