import { KvmError } from '../../errors/kvm-error.js';
import type { Descriptor } from '../../ioctl/descriptor.js';
import { bytesGiven } from '../../struct/bytes.js';

/** The name under which a VM configured for Xen holds its hypercall pages. It is present even if there are none. */
export const hypercallPagesName = 'Xen hypercall pages';

/** Whether the program has configured a VM for Xen. Such a VM is never shared, so its only descriptor knows. */
export function isXen(vm: Descriptor | undefined): boolean {
  return vm?.held.has(hypercallPagesName) ?? false;
}

const pageSize = 4096;
/** The kernel's count is one byte. */
const maxPages = 255;

/** A copy of hypercall pages, so that their address stays valid; empty if there are none. */
export function hypercallPages(pages: Uint8Array | undefined, where: string): Uint8Array {
  if (pages === undefined) return new Uint8Array(0);
  const own = bytesGiven(pages, where).slice();
  if (own.length === 0 || own.length % pageSize !== 0) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${where} must be whole pages of ${pageSize} bytes`);
  }
  if (own.length > maxPages * pageSize) {
    throw new KvmError('ERR_KVM_OUT_OF_RANGE', `${where} has more than ${maxPages} pages`);
  }
  return own;
}
