import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Architecture } from '../architecture/architecture.js';
import { cacheDirectory, cachedFolder, isWhole, withScratch } from '../cache.js';
import { SuiteApt } from '../debian/apt.js';
import { unpackDebs } from '../debian/unpack.js';
import { LabError } from '../errors.js';
import type { Progress } from '../progress.js';
import { loadOrder } from './modules.js';
import type { KernelRelease } from './releases.js';

/** A kernel as the cache holds it. */
export interface Kernel {
  version: string;
  /** What QEMU loads. */
  image: string;
  /** Its modules, in the order in which they load. */
  modules: string[];
}

/** What the lab's init needs before it can reach the host's files; and /dev/kvm. */
const modules = ['virtio_pci', 'virtio_console', 'virtio_rng', '9pnet_virtio', '9p', 'overlay'];

/** A kernel, downloaded and taken apart where the cache does not have it. */
export async function fetchKernel(
  release: KernelRelease,
  architecture: Architecture,
  progress: Progress,
): Promise<Kernel> {
  const folder = await cachedFolder(nameOf(release, architecture), async (fresh) => {
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
    modules: names.map((name) => join(folder, 'modules', name)),
  };
}

/** Whether a kernel is in the cache. */
export function isCached(release: KernelRelease, architecture: Architecture): boolean {
  return isWhole(join(cacheDirectory(), nameOf(release, architecture)));
}

function nameOf({ version, packages }: KernelRelease, architecture: Architecture): string {
  return join('kernels', `${architecture.name}-${version}-${packages[0]?.sha256.slice(0, 16)}`);
}

/** Keeps of a kernel's packages what a lab needs: a hundredth. */
async function takeApart(unpacked: string, folder: string, architecture: Architecture): Promise<void> {
  const [tree] = contents(join(unpacked, 'usr/lib/modules'));
  // Newer kernels lie beside their modules.
  const images = [...contents(join(unpacked, 'boot')), ...contents(tree)];
  const image = images.find((path) => /^vmlinu[xz](?:-|$)/.test(basename(path)));
  if (image === undefined || tree === undefined) throw new LabError('the package of the kernel has no kernel');
  writeFileSync(join(folder, 'kernel'), await architecture.bootImage(readFileSync(image)));
  mkdirSync(join(folder, 'modules'));
  const order = await loadOrder(tree, [...modules, architecture.kvmModule]);
  for (const [index, { name, data }] of order.entries()) {
    writeFileSync(join(folder, 'modules', `${String(index).padStart(2, '0')}-${name}.ko`), data);
  }
}

/** What is in a folder, if it is there. */
function contents(path: string | undefined): string[] {
  return path !== undefined && existsSync(path) ? readdirSync(path).map((name) => join(path, name)) : [];
}
