import { architectures } from '../architecture/index.js';
import { allReleases } from '../kernel/catalogue.js';
import { isCached } from '../kernel/kernel.js';
import { lineOf, newestOfLines } from '../kernel/releases.js';
import { TerminalProgress } from '../progress.js';
import { whereIs } from '../tools/programs.js';

/** Shows the possible labs, and which of them are in the cache. */
export async function list({ fresh = false, json = false }: { fresh?: boolean; json?: boolean }): Promise<void> {
  const progress = new TerminalProgress();
  const rows = [];
  for (const architecture of architectures) {
    const qemu = whereIs(architecture.qemu.program);
    // A failure for one architecture does not hide the others.
    const releases = await allReleases(architecture, { progress, fresh }).catch(() => []);
    for (const release of newestOfLines(releases)) {
      const { version, suite } = release;
      const cached = isCached(release, architecture);
      rows.push({
        architecture: architecture.name,
        kernel: lineOf(version),
        version,
        suite,
        cached,
        qemu: qemu ?? null,
      });
    }
  }
  progress.done();
  const text = rows.map(({ architecture, kernel, version, suite, cached, qemu }) =>
    [
      architecture.padEnd(9),
      kernel.padEnd(6),
      version.padEnd(10),
      suite.padEnd(18),
      cached ? 'here' : '-',
      qemu ? '' : '(no QEMU)',
    ]
      .join(' ')
      .trimEnd(),
  );
  process.stdout.write(json ? `${JSON.stringify(rows, undefined, 2)}\n` : `${text.join('\n')}\n`);
}
