import { readFileSync } from 'node:fs';
import { LabError } from '../errors.js';
import { runProgram } from '../program-run.js';

export const noApt = "the lab gets kernels and tools from Debian's archive, with apt";

/**
 * The addresses of the system's archives that may have a suite, the likeliest first.
 *
 * @throws LabError if apt knows of none.
 */
export async function archivesFor(suite: string): Promise<string[]> {
  // Without this option apt also reports sources that it has no lists of yet.
  const asked = ['indextargets', '--no-release-info', '--format', '$(REPO_URI) $(RELEASE)', 'Created-By: Packages'];
  const { stdout } = await runProgram('apt-get', asked, { missing: noApt });
  const found = chooseArchives(suite, stdout.toString(), runningRelease());
  if (found.length === 0) {
    const wanted = isSecurity(suite) ? 'a security archive of Debian' : 'an archive of Debian';
    throw new LabError(`the system's apt sources have no archive for ${suite}: add ${wanted} to them`);
  }
  return found;
}

/**
 * Security suites are in an archive of their own. All other suites share one.
 *
 * @param listed Lines of an address and a suite that it has.
 * @param release The code name of the running system. Entries for it are the distribution's own; others may be
 * anyone's.
 */
export function chooseArchives(suite: string, listed: string, release: string): string[] {
  const general = /^(?:(?:old)*stable|testing|unstable|sid|trixie|bookworm|bullseye)(?:-|\/|$)/;
  const likeliness = new Map<string, number>();
  for (const line of listed.split('\n')) {
    const [uri = '', name = ''] = line.split(' ');
    if (isSecurity(name) !== isSecurity(suite)) continue;
    const isOwn = name === release || name.startsWith(`${release}-`);
    const rank = name === suite ? 3 : isOwn ? 2 : general.test(name) ? 1 : 0;
    if (rank > 0) likeliness.set(uri, Math.max(rank, likeliness.get(uri) ?? 0));
  }
  return [...likeliness].sort(([, a], [, b]) => b - a).map(([uri]) => uri);
}

function isSecurity(suite: string): boolean {
  return suite.endsWith('-security') || suite.endsWith('/updates');
}

function runningRelease(): string {
  try {
    return /^VERSION_CODENAME="?([\w-]+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'stable';
  } catch {
    return 'stable';
  }
}
