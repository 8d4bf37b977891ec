import { architectures, findArchitecture } from '../architecture/index.js';
import { allReleases } from '../kernel/catalogue.js';
import { lineOf, newestOfLines } from '../kernel/releases.js';
import { provide } from '../lab.js';
import { TerminalProgress } from '../progress.js';

/** The default kernels: those of Debian's releases and the newest. */
export const usualKernels = ['5.10', '6.1', '6.12', '6.18', 'newest'];

export interface FetchFlags {
  arch?: string;
  kernel?: string;
  /** Only the kernels for test suites. */
  tested?: boolean;
}

/** Fills the cache. */
export async function fetchAll({ arch, kernel, tested = false }: FetchFlags): Promise<void> {
  const progress = new TerminalProgress();
  for (const architecture of arch === undefined ? architectures : [findArchitecture(arch)]) {
    const lines = newestOfLines(await allReleases(architecture, { progress })).map(({ version }) => lineOf(version));
    const usual = usualKernels.filter((wanted) => wanted === 'newest' || lines.includes(wanted));
    const wantedOnes = tested ? architecture.testedKernels : usual;
    for (const wanted of kernel === undefined ? wantedOnes : [kernel]) {
      const { kernel: found } = await provide(architecture, wanted, progress);
      process.stdout.write(`${architecture.name} ${found.version}\n`);
    }
  }
}
