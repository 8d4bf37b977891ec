import { fileURLToPath } from 'node:url';

/** magic-gen's own headers: what kernel headers need from a C library, and an interface that no kernel installs. */
const ownHeaders = fileURLToPath(new URL('../../headers', import.meta.url));

/**
 * What copies of kernel headers in other projects leave to the system: `linux/types.h`, `linux/ioctl.h` and what those
 * need.
 */
const fallbackHeaders = fileURLToPath(new URL('../../fallback', import.meta.url));

/**
 * The folders that `#include` searches, in order. What kernel headers need from a C library comes from magic-gen, even
 * if the folder has a C library's headers: those need more than a kernel's header set has.
 */
export function includeDirectories({ directories }: { readonly directories: readonly string[] }): readonly string[] {
  return [ownHeaders, ...directories, fallbackHeaders];
}
