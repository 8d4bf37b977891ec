import type { FdKind, Ioctl } from '../abi/ioctl.js';
import { KvmError } from '../errors/kvm-error.js';
import type { Descriptor } from './descriptor.js';
import { ownerOf } from './hints.js';

/**
 * Refuses what a program may not call by itself on a descriptor: what is no ioctl of the table, is another kind's or
 * another architecture's, or is safe only in a method.
 */
export function checkRawIoctl({ arch }: Descriptor, kind: FdKind, ioctl: Ioctl): void {
  // A request number from elsewhere could mean a pointer where a number is given.
  if (!arch.ioctls.has(ioctl)) {
    throw new KvmError(
      'ERR_KVM_INVALID_ARGUMENT',
      `the first argument must be one of the ioctls that @kvm/core has for ${arch.name}: KVM_…`,
    );
  }
  const { name } = ioctl;
  if (!ioctl.fd.includes(kind)) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${name} is no call of a ${kind} descriptor`, {
      ioctl: name,
      hint: `it belongs to: ${ioctl.fd.join(', ')}`,
    });
  }
  if (ioctl.arch?.includes(arch.name) === false) {
    throw new KvmError('ERR_KVM_UNSUPPORTED', `${name} is no call of ${arch.name}`, {
      ioctl: name,
      hint: `it belongs to: ${ioctl.arch.join(', ')}`,
    });
  }
  if (ioctl.pointers !== undefined) {
    throw unsafe(
      ioctl,
      `${name} carries an address of this process`,
      'only a method can keep the memory behind it alive',
    );
  }
  const owner = ioctl.gives === 'fd' ? ownerOf(name) : undefined;
  if (owner !== undefined) {
    throw unsafe(ioctl, `${name} by itself makes a descriptor that nobody closes`, `use ${owner}`);
  }
  if (ioctl === arch.abi.KVM_RUN) throw unsafe(ioctl, 'KVM_RUN by itself cannot be stopped', 'use run()');
  if (ioctl === arch.abi.KVM_SET_SIGNAL_MASK) {
    throw unsafe(ioctl, 'a mask of any signals could keep kicks away', 'use setSignalMask()');
  }
}

function unsafe({ name }: Ioctl, message: string, hint: string): KvmError {
  return new KvmError('ERR_KVM_UNSAFE', message, { ioctl: name, hint });
}
