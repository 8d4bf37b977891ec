import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MagicGenError } from '../../errors.js';
import type { Progress } from '../../progress.js';
import type { TargetDescription } from '../../targets/target.js';
import { cacheDirectory, day, moveIntoPlace, sha256, withScratch } from '../cache.js';
import { unpackedDeb } from '../deb.js';
import { debianArchitecture, type HeaderPackage, lookUp } from './package.js';

export interface SuiteOptions {
  progress: Progress;
  /** Queries the archive even if the cache has a recent answer. */
  fresh?: boolean;
}

/**
 * The headers of a Debian suite for an architecture: looked up, downloaded and unpacked unless the cache has them.
 * Without a network, the cached ones are used.
 *
 * @throws MagicGenError where neither archive nor cache has them.
 */
export async function suiteHeaders(suite: string, target: TargetDescription, options: SuiteOptions): Promise<string> {
  if (!/^[a-z][a-z0-9.+-]*$/.test(suite)) throw new MagicGenError(`'${suite}' is not the name of a Debian suite`);
  return unpacked(await oneAtATime(suite, () => findPackage(suite, target, options)), target);
}

const queues = new Map<string, Promise<unknown>>();

/** The architectures of a suite take turns: what the first one finds is often all that the others need. */
function oneAtATime<T>(suite: string, work: () => Promise<T>): Promise<T> {
  const turn = (queues.get(suite) ?? Promise.resolve()).then(work);
  queues.set(
    suite,
    turn.catch(() => {}),
  );
  return turn;
}

/** Makes sure that the package is in the cache. */
async function findPackage(
  suite: string,
  target: TargetDescription,
  { progress, fresh = false }: SuiteOptions,
): Promise<HeaderPackage> {
  const known = readNote(suite, 'all') ?? readNote(suite, debianArchitecture(target));
  const isHere = known !== undefined && isIntact(known);
  // The archive is asked once a day which version a suite has.
  const goodSince = fresh ? started : Date.now() - day;
  if (isHere && known.asked >= goodSince) return known;
  try {
    const found = await withScratch((folder) => fetchPackage(folder, suite, target, progress));
    writeNote(suite, { ...found, asked: Date.now() });
    return found;
  } catch (error) {
    if (!isHere || !(error instanceof MagicGenError)) throw error;
    progress.note(`${error.message}; taken from the cache: ${known.name} ${known.version}`);
    return known;
  }
}

const started = Date.now();

async function fetchPackage(
  folder: string,
  suite: string,
  target: TargetDescription,
  progress: Progress,
): Promise<HeaderPackage> {
  progress.step(`${target.name}: asking ${suite} for its kernel headers`);
  const { found, apt } = await lookUp(folder, suite, target);
  if (isIntact(found)) return found;
  progress.step(`${target.name}: downloading ${found.name} ${found.version}`);
  const file = await apt.download(found.name, found.version);
  if (sha256(file) !== found.sha256) {
    throw new MagicGenError(`the download of ${found.name} ${found.version} is not what ${suite} says it is`);
  }
  moveIntoPlace(file, debOf(found));
  return found;
}

async function unpacked(found: HeaderPackage, target: TargetDescription): Promise<string> {
  const folder = await unpackedDeb(debOf(found));
  // Packages for cross compilers have a root folder for each architecture.
  const cross = join(folder, 'usr', target.multiarch);
  return existsSync(join(cross, 'include')) ? cross : folder;
}

function debOf({ sha256: sum, version }: HeaderPackage): string {
  return join(cacheDirectory(), 'debs', `${version.replace(/[^\w.+~-]/g, '_')}-${sum.slice(0, 16)}.deb`);
}

/** Whether the package is in the cache and intact. */
function isIntact(found: HeaderPackage): boolean {
  const file = debOf(found);
  return existsSync(file) && sha256(file) === found.sha256;
}

interface Note extends HeaderPackage {
  /** When the archive was asked. */
  asked: number;
}

/** What the cache knows about a suite; undefined where it knows nothing, or where its note is invalid. */
function readNote(suite: string, architecture: string): Note | undefined {
  const path = noteOf(suite, architecture);
  if (!existsSync(path)) return undefined;
  try {
    const note: Partial<Record<keyof Note, unknown>> = JSON.parse(readFileSync(path, 'utf8'));
    const { name, version, sha256: sum, asked } = note;
    if (typeof name !== 'string' || typeof version !== 'string' || typeof asked !== 'number') return undefined;
    if (typeof sum !== 'string' || !/^[0-9a-f]{64}$/.test(sum)) return undefined;
    return { name, version, architecture, sha256: sum, asked };
  } catch {
    return undefined;
  }
}

function writeNote(suite: string, note: Note): void {
  const path = noteOf(suite, note.architecture);
  const fresh = `${path}.${process.pid}`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(fresh, JSON.stringify(note));
  moveIntoPlace(fresh, path);
}

function noteOf(suite: string, architecture: string): string {
  return join(cacheDirectory(), 'suites', `${suite}-${architecture}.json`);
}
