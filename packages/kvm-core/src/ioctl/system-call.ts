import { errnoName, KvmError } from '../errors/kvm-error.js';
import { hintFor } from './hints.js';

/** Checks the result of a system call other than an ioctl: a failure becomes a `KvmError`. */
export function systemCall(what: string, result: number): number {
  if (result >= 0) return result;
  const errno = -result;
  throw new KvmError('ERR_KVM_SYSCALL', `${what}: ${errnoName(errno)}`, { errno, hint: hintFor(what, errno) });
}
