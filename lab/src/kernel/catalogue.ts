import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Architecture } from '../architecture/architecture.js';
import { cacheDirectory } from '../cache.js';
import { SuiteApt } from '../debian/apt.js';
import { LabError } from '../errors.js';
import type { Progress } from '../progress.js';
import { chooseRelease, findReleases, type KernelRelease } from './releases.js';

export interface CatalogueOptions {
  progress: Progress;
  /** Asks the archive even if it was asked within a day. */
  fresh?: boolean;
}

/**
 * Every kernel that Debian has for an architecture. Each suite is asked at most once a day. Without a network the last
 * answer is used.
 */
export async function allReleases(architecture: Architecture, options: CatalogueOptions): Promise<KernelRelease[]> {
  const failures: unknown[] = [];
  const found = await Promise.all(
    architecture.suites.map((suite) =>
      releasesOf(suite, architecture, options).catch((error: unknown) => {
        if (!(error instanceof LabError)) throw error;
        failures.push(error);
        options.progress.note(error.message);
        return [];
      }),
    ),
  );
  if (failures.length === architecture.suites.length) throw failures[0];
  return found.flat();
}

/** The kernel that `--kernel` selects. @throws LabError if there is none. */
export async function findRelease(
  wanted: string,
  architecture: Architecture,
  options: CatalogueOptions,
): Promise<KernelRelease> {
  return chooseRelease(wanted, await allReleases(architecture, options), architecture.name);
}

const day = 24 * 60 * 60 * 1000;

async function releasesOf(
  suite: string,
  architecture: Architecture,
  { progress, fresh = false }: CatalogueOptions,
): Promise<KernelRelease[]> {
  const path = join(cacheDirectory(), 'suites', `${suite}-${architecture.debian}.json`);
  const known = readNote(path);
  if (known !== undefined && !fresh && Date.now() - known.asked < day) return known.releases;
  try {
    progress.step(`reading the kernels of ${suite} for ${architecture.name}`);
    const apt = await SuiteApt.open(suite, architecture.debian);
    const releases = findReleases(suite, await apt.packages(), architecture.flavour);
    writeNote(path, { asked: Date.now(), releases });
    return releases;
  } catch (error) {
    if (known === undefined || !(error instanceof LabError)) throw error;
    progress.note(`${error.message}; using the cached list`);
    return known.releases;
  }
}

interface Note {
  /** The time of the archive's answer. */
  asked: number;
  releases: KernelRelease[];
}

/** The cached answer; undefined if there is none or it is damaged. */
function readNote(path: string): Note | undefined {
  try {
    const note = JSON.parse(readFileSync(path, 'utf8')) as Partial<Note>;
    return typeof note.asked === 'number' && Array.isArray(note.releases) ? (note as Note) : undefined;
  } catch {
    return undefined;
  }
}

function writeNote(path: string, note: Note): void {
  mkdirSync(dirname(path), { recursive: true });
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, JSON.stringify(note));
  renameSync(fresh, path);
}
