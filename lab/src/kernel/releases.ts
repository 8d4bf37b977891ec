import { compareVersions, type DebianPackage } from '../debian/packages.js';
import { LabError } from '../errors.js';

/** A kernel that can be, or has been, downloaded. */
export interface KernelRelease {
  /** "6.12.118" */
  version: string;
  suite: string;
  /** The packages with its image, its modules and the list of built-in modules. */
  packages: DebianPackage[];
}

/** The generic kernels among a suite's packages, without the cloud and real-time ones. */
export function findReleases(suite: string, packages: readonly DebianPackage[], flavour: string): KernelRelease[] {
  const byName = new Map(packages.map((found) => [found.name, found]));
  const image = new RegExp(`^linux-image-\\d+\\.\\d+\\.\\d+[\\w.+~]*(?:-\\d[\\w.]*)?-${flavour}$`);
  return packages
    .filter(({ name }) => image.test(name))
    .flatMap((found) => {
      // From 6.19 on the parts of a kernel are separate packages. An archive may list a kernel whose parts are gone.
      // The base, which has the list of built-in modules, is optional.
      const names = found.depends.match(/\blinux-(?:binary|modules|base)-\d[^\s,|]*/g) ?? [];
      if (names.some((name) => !byName.has(name) && !name.startsWith('linux-base'))) return [];
      const parts = names.map((name) => byName.get(name)).filter((part) => part !== undefined);
      const version = /^(?:\d+:)?(\d+(?:\.\d+)*)/.exec(found.version)?.[1] ?? found.version;
      return [{ version, suite, packages: [found, ...parts] }];
    });
}

/** The first two numbers of a version, such as "6.12". */
export function lineOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

/** The newest kernel of each line, with the newest line last. */
export function newestOfLines(releases: readonly KernelRelease[]): KernelRelease[] {
  const sorted = releases.toSorted((a, b) => compareVersions(a.version, b.version));
  return [...new Map(sorted.map((release) => [lineOf(release.version), release])).values()];
}

/**
 * Finds a kernel: "newest", the newest of a line ("6.12"), or one version ("6.12.118").
 *
 * @throws LabError if there is none, with a list of the available ones.
 */
export function chooseRelease(wanted: string, releases: readonly KernelRelease[], where: string): KernelRelease {
  const newest = newestOfLines(releases);
  const found =
    wanted === 'newest'
      ? newest.at(-1)
      : (newest.find(({ version }) => lineOf(version) === wanted) ??
        releases.find(({ version }) => version === wanted));
  if (found) return found;
  const lines = newest.map(({ version }) => lineOf(version)).join(', ');
  throw new LabError(`there is no kernel ${wanted} for ${where}: Debian has ${lines || 'none'}`);
}
