import { NoHeadersError } from '../../errors.js';
import type { TargetDescription } from '../../targets/target.js';
import { baseArchitecture, PrivateApt } from './apt.js';

/** The package of a suite with the headers for an architecture. */
export interface HeaderPackage {
  name: string;
  version: string;
  /** Debian's name for its architecture; "all" for a package for all. */
  architecture: string;
  sha256: string;
}

/** The suite's package, and the apt that can download it. */
export interface Offer {
  found: HeaderPackage;
  apt: PrivateApt;
}

/**
 * Looks up which package of a suite has the headers: the package for all architectures in newer suites, else the one
 * built for the architecture, else the one made for cross compilers.
 *
 * @throws MagicGenError where the suite has none.
 */
export async function lookUp(folder: string, suite: string, target: TargetDescription): Promise<Offer> {
  const architecture = debianArchitecture(target);
  const apt = await PrivateApt.open(folder, suite, [...new Set([baseArchitecture, architecture])]);
  const common = await describe(apt, 'linux-libc-dev', architecture);
  if (common && (common.architecture === 'all' || architecture === baseArchitecture)) return { found: common, apt };

  const found =
    (await describe(apt, `linux-libc-dev:${architecture}`, architecture)) ??
    (await describe(apt, `linux-libc-dev-${architecture}-cross`, architecture));
  if (found === undefined) {
    throw new NoHeadersError(`${suite} has no package of kernel headers for ${target.name} (Debian's ${architecture})`);
  }
  return { found, apt };
}

async function describe(apt: PrivateApt, name: string, architecture: string): Promise<HeaderPackage | undefined> {
  const fields = await apt.describe(name);
  const version = fields?.get('Version');
  const sha256 = fields?.get('SHA256');
  if (version === undefined || sha256 === undefined) return undefined;
  const all = name === 'linux-libc-dev' && fields?.get('Architecture') === 'all';
  return { name, version, architecture: all ? 'all' : architecture, sha256 };
}

/** Debian's name for an architecture. */
export function debianArchitecture({ multiarch }: TargetDescription): string {
  const cpu = multiarch.split('-')[0] ?? '';
  return debianNames[cpu] ?? cpu;
}

/** Where Debian's name differs from the compiler's. */
const debianNames: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  i386: 'i386',
  i686: 'i386',
  aarch64: 'arm64',
  powerpc64le: 'ppc64el',
  powerpc64: 'ppc64',
  loongarch64: 'loong64',
};
