import { KvmError } from '../../errors/kvm-error.js';
import type { Descriptor } from '../../ioctl/descriptor.js';
import { bytesGiven } from '../../struct/bytes.js';

/** What the pages of a VM that was configured for Xen are held under: there are none sometimes, and then that stands there. */
export const hypercallPagesName = 'Xen hypercall pages';

/** Whether the program has configured a VM for Xen. Such a VM is never shared, so its one descriptor knows. */
export function isXen(vm: Descriptor | undefined): boolean {
  return vm?.held.has(hypercallPagesName) ?? false;
}

const pageSize = 4096;
/** The kernel counts them in a byte. */
const maxPages = 255;

/** A copy of hypercall pages, which nobody else can move or shrink; empty where there are none. */
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
