import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The addon's functions; `@kvm/core` documents them as its `Backend` interface. */
export interface NativeBackend {
  readonly name: 'native';
  readonly version: string;
  open(path: string): number;
  close(fd: number): number;
  ioctl(fd: number, request: number, argument: number): number;
  address(bytes: ArrayBufferView): number;
  map(fd: number, length: number, offset: number): number;
  blank(address: number, length: number): number;
  unmap(address: number, length: number): number;
  view(address: number, length: number): ArrayBuffer;
  eventfd(initial: number): number;
  read(fd: number, address: number, length: number): number;
  write(fd: number, address: number, length: number): number;
  runner(fd: number, request: number): () => number;
  threadId(): number;
  interrupt(threadId: number): number;
}

/** The folder under `prebuilds/` for this process: an explicit list, so that an unknown platform is told so by name. */
export function prebuild(platform: string = process.platform, arch: string = process.arch): string {
  switch (`${platform}-${arch}`) {
    case 'linux-x64':
      return 'linux-x64';
    default:
      throw new Error(`@kvm/native has no binary for ${platform}-${arch}`);
  }
}

/**
 * Loads the addon.
 *
 * @throws Error that says which binary is missing or does not load, and what to do.
 */
export function load(): NativeBackend {
  const path = join(__dirname, '..', 'prebuilds', prebuild(), 'kvm.node');
  if (!existsSync(path)) {
    throw new Error(`@kvm/native was installed without its binary: prebuilds/${prebuild()}/kvm.node is not there`);
  }
  const addon = require(path) as Omit<NativeBackend, 'name' | 'version'>;
  const { version } = JSON.parse(readFileSync(join(__dirname, '..', 'package.json'), 'utf8')) as { version: string };
  return { ...addon, name: 'native', version: `@kvm/native ${version}` };
}
