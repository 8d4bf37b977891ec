import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Architecture } from '../architecture/architecture.js';
import { cacheDirectory, cachedFolder, isWhole, withScratch } from '../cache.js';
import { SuiteApt } from '../debian/apt.js';
import { unpackDebs } from '../debian/unpack.js';
import { LabError } from '../errors.js';
import type { Progress } from '../progress.js';
import { findProgram } from '../tools/programs.js';
import { decompressors } from './decompress.js';
import { loadOrder } from './modules.js';
import type { KernelRelease } from './releases.js';

/** A kernel in the cache. */
export interface Kernel {
  version: string;
  /** The file that QEMU loads. */
  image: string;
  /** The file as the distribution has it, which a boot loader loads. */
  distributed: string;
  /** The modules that the lab loads, in load order. */
  modules: string[];
  /** The folder of the modules for machines within the lab; by their names, they are in load order. */
  guestModules: string;
}

/** The modules that the lab's init needs to reach the host's files and for /dev/kvm. */
const modules = ['virtio_pci', 'virtio_console', 'virtio_rng', '9pnet_virtio', '9p', 'overlay'];

/** Drivers that machines within the lab use, of devices and of a disk's file system, as far as they are modules. */
const guestModules = [
  'virtio_pci',
  'virtio_mmio',
  'virtio_blk',
  'crc32c_generic',
  'ext4',
  'virtio_net',
  'tun',
  'virtio_console',
  'virtio_rng',
  'virtio_balloon',
  'virtiofs',
  'vmw_vsock_virtio_transport',
];

/** Gets a kernel from the cache, or downloads and unpacks it. */
export async function fetchKernel(
  release: KernelRelease,
  architecture: Architecture,
  progress: Progress,
): Promise<Kernel> {
  const folder = await cachedFolder(nameOf(release, architecture), async (fresh) => {
    // Before a download that could not be unpacked.
    for (const each of decompressors) await findProgram(each, 'unpacking a kernel', progress);
    await withScratch(async (scratch) => {
      progress.step(`downloading kernel ${release.version} for ${architecture.name}`);
      const apt = await SuiteApt.open(release.suite, architecture.debian);
      const debs: string[] = [];
      for (const part of release.packages) debs.push(await apt.download(part, scratch));
      progress.step(`unpacking kernel ${release.version} for ${architecture.name}`);
      const unpacked = join(scratch, 'unpacked');
      await unpackDebs(debs, unpacked);
      await takeApart(unpacked, fresh, architecture);
    });
  });
  const names = readdirSync(join(folder, 'modules')).toSorted();
  return {
    version: release.version,
    image: join(folder, 'kernel'),
    distributed: join(folder, 'distributed'),
    modules: names.map((name) => join(folder, 'modules', name)),
    guestModules: join(folder, 'guest-modules'),
  };
}

/** Whether a kernel is in the cache. */
export function isCached(release: KernelRelease, architecture: Architecture): boolean {
  return isWhole(join(cacheDirectory(), nameOf(release, architecture)));
}

/** Changes with the files in a kernel's folder, so that a cache of before is not used. */
const layout = 5;

function nameOf({ version, packages }: KernelRelease, architecture: Architecture): string {
  return join('kernels', `${architecture.name}-${version}-${packages[0]?.sha256.slice(0, 16)}-${layout}`);
}

/** Keeps the hundredth of a kernel's packages that a lab needs. */
async function takeApart(unpacked: string, folder: string, architecture: Architecture): Promise<void> {
  const [tree] = contents(join(unpacked, 'usr/lib/modules'));
  // Newer kernels are in the folder of their modules.
  const images = [...contents(join(unpacked, 'boot')), ...contents(tree)];
  const image = images.find((path) => /^vmlinu[xz](?:-|$)/.test(basename(path)));
  if (image === undefined || tree === undefined) throw new LabError('the kernel package contains no kernel');
  const distributed = readFileSync(image);
  writeFileSync(join(folder, 'distributed'), distributed);
  writeFileSync(join(folder, 'kernel'), await architecture.bootImage(distributed));
  await keepModules(tree, [...modules, architecture.kvmModule], join(folder, 'modules'));
  await keepModules(tree, guestModules, join(folder, 'guest-modules'), true);
}

/** Keeps modules with their dependencies, under names that sort in load order. */
async function keepModules(tree: string, wanted: readonly string[], folder: string, isOptional = false): Promise<void> {
  mkdirSync(folder);
  for (const [index, { name, data }] of (await loadOrder(tree, wanted, isOptional)).entries()) {
    writeFileSync(join(folder, `${String(index).padStart(2, '0')}-${name}.ko`), data);
  }
}

/** The entries of a folder, or none if it does not exist. */
function contents(path: string | undefined): string[] {
  return path !== undefined && existsSync(path) ? readdirSync(path).map((name) => join(path, name)) : [];
}
