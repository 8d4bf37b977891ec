import { existsSync, readFileSync } from 'node:fs';
import { endianness } from 'node:os';
import { join } from 'node:path';

/**
 * The folder under `prebuilds/` for this process. The list is explicit, so that the error for an unknown platform names
 * it. The binaries serve glibc and musl alike.
 */
export function prebuild(
  platform: string = process.platform,
  arch: string = process.arch,
  byteOrder: string = endianness(),
): string {
  switch (`${platform}-${arch}-${byteOrder}`) {
    case 'linux-x64-LE':
      return 'linux-x64';
    case 'linux-arm64-LE':
      return 'linux-arm64';
    case 'linux-riscv64-LE':
      return 'linux-riscv64';
    case 'linux-ppc64-LE':
      return 'linux-ppc64';
    default:
      throw new Error(
        `@kvm/native has no binary for ${platform}-${arch}${byteOrder === 'BE' ? ' (big-endian)' : ''}; ` +
          'it has them for linux on x64, arm64, riscv64 and ppc64 (little-endian)',
      );
  }
}

/**
 * Loads the addon: an object with the functions of `@kvm/core`'s `Backend`, which documents them.
 *
 * @throws Error that says which binary is missing or does not load.
 */
export function load(): { readonly name: 'native'; readonly version: string } {
  const path = join(__dirname, '..', 'prebuilds', prebuild(), 'kvm.node');
  if (!existsSync(path)) {
    throw new Error(`@kvm/native was installed without its binary: prebuilds/${prebuild()}/kvm.node is missing`);
  }
  const addon = require(path) as object;
  const { version } = JSON.parse(readFileSync(join(__dirname, '..', 'package.json'), 'utf8')) as { version: string };
  return { ...addon, name: 'native', version: `@kvm/native ${version}` };
}
