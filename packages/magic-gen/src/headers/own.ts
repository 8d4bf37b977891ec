import { fileURLToPath } from 'node:url';

/** Headers of magic-gen's own: what kernel headers take from a C library, and an interface that no kernel installs. */
const ownHeaders = fileURLToPath(new URL('../../headers', import.meta.url));

/**
 * What sets that are copied into a project leave to the system: `linux/types.h`, `linux/ioctl.h` and what belongs to
 * them.
 */
const fallbackHeaders = fileURLToPath(new URL('../../fallback', import.meta.url));

/**
 * Where `#include` looks, in order. What kernel headers take from a C library comes from magic-gen, though the folder
 * may have a C library's headers, too: those need more than a kernel's set has.
 */
export function includeDirectories({ directories }: { readonly directories: readonly string[] }): readonly string[] {
  return [ownHeaders, ...directories, fallbackHeaders];
}
