import { accessSync, constants } from 'node:fs';

/** Why `/dev/kvm` cannot be used here; undefined if it can. */
export function whyNoKvm() {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return undefined;
  } catch ({ code }) {
    if (code === 'ENOENT') return 'there is no /dev/kvm here';
    return code === 'EACCES' ? 'this user may not open /dev/kvm' : `/dev/kvm cannot be used here (${code})`;
  }
}
