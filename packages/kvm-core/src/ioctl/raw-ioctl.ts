import type { FdKind, Ioctl } from '../abi/ioctl.js';
import { KvmError } from '../errors/kvm-error.js';
import type { Descriptor } from './descriptor.js';
import { ownerOf } from './hints.js';

/**
 * Refuses a raw ioctl that is not in the table, belongs to another kind of descriptor or another architecture, or is
 * safe only in a method.
 */
export function checkRawIoctl({ arch }: Descriptor, kind: FdKind, ioctl: Ioctl): void {
  // With an arbitrary request number, the kernel might take a number for a pointer.
  if (!arch.ioctls.has(ioctl)) {
    throw new KvmError(
      'ERR_KVM_INVALID_ARGUMENT',
      `the first argument must be an ioctl that @kvm/core exports for ${arch.name}: KVM_…`,
    );
  }
  const { name } = ioctl;
  if (!ioctl.fd.includes(kind)) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `a ${kind} descriptor has no ${name}`, {
      ioctl: name,
      hint: `it belongs to: ${ioctl.fd.join(', ')}`,
    });
  }
  if (ioctl.arch?.includes(arch.name) === false) {
    throw new KvmError('ERR_KVM_UNSUPPORTED', `${arch.name} has no ${name}`, {
      ioctl: name,
      hint: `it belongs to: ${ioctl.arch.join(', ')}`,
    });
  }
  if (ioctl.pointers !== undefined) {
    throw unsafe(
      ioctl,
      `${name} carries an address of this process`,
      'use its method, which keeps the memory at the address alive',
    );
  }
  const owner = ioctl.gives === 'fd' ? ownerOf(name) : undefined;
  if (owner !== undefined) {
    throw unsafe(ioctl, `a raw ${name} creates a descriptor without an owner`, `use ${owner}`);
  }
  if (ioctl === arch.abi.KVM_RUN) throw unsafe(ioctl, 'a raw KVM_RUN cannot be stopped', 'use run()');
  if (ioctl === arch.abi.KVM_SET_SIGNAL_MASK) {
    throw unsafe(ioctl, 'an arbitrary signal mask could block kicks', 'use setSignalMask()');
  }
}

function unsafe({ name }: Ioctl, message: string, hint: string): KvmError {
  return new KvmError('ERR_KVM_UNSAFE', message, { ioctl: name, hint });
}
