import { basename, resolve } from 'node:path';
import { KvmError } from '@kvm/core';
import type { NameOf } from '../../machine/check-schema.js';
import type { ShareOptions } from '../../machine/document.js';

/** Of `VirtioFsConfig`, whose file is long: machines without shares do not load it. */
const tagSize = 36;

/** @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for what the schema does not know of shares. */
export function sharesOf(shares: readonly ShareOptions[], name: NameOf): Required<ShareOptions>[] {
  const tags = new Set<string>();
  return shares.map(({ path, tag = basename(resolve(path)), readOnly = true, cache = 'auto', ids = 'host' }, index) => {
    const refuse = (why: string): KvmError =>
      new KvmError('ERR_KVM_INVALID_ARGUMENT', `${name(`shares[${index}].tag`)} ${why}`, {
        hint: 'the tag is what the guest mounts: mount -t virtiofs <tag> /mnt',
      });
    if (tag === '') throw refuse(`is needed for ${path}, which has no name of its own`);
    if (tag.includes('\0')) throw refuse('must have no zero byte');
    if (Buffer.byteLength(tag) > tagSize) throw refuse(`must have at most ${tagSize} bytes: ${tag}`);
    if (tags.has(tag)) throw refuse(`must be another one than ${tag}, which a share before it has`);
    tags.add(tag);
    return { path, tag, readOnly, cache, ids };
  });
}
