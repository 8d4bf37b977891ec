import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MagicGenError } from '../../errors.js';
import { run } from '../../run.js';
import { type ArchiveEntry, archivesFor, readDeb822, readOneLine, writeDeb822 } from './entries.js';

/**
 * An apt with a private folder for its lists, its cache and its (empty) list of installed packages, so that the
 * system's stay as they are. Only the archives' addresses and signing keys are the system's.
 */
export class PrivateApt {
  readonly #folder: string;
  readonly #suite: string;

  private constructor(folder: string, suite: string) {
    this.#folder = folder;
    this.#suite = suite;
  }

  /**
   * An apt that knows one suite's packages for these architectures.
   *
   * @throws MagicGenError where apt or the suite does not exist, or the archive cannot be reached.
   */
  static async open(folder: string, suite: string, architectures: readonly string[]): Promise<PrivateApt> {
    const archives = archivesFor(suite, await systemEntries(), runningRelease());
    if (archives.length === 0) {
      const wanted = suite.endsWith('-security') ? 'a security archive of Debian' : 'an archive of Debian';
      throw new MagicGenError(`the system's apt sources name no archive to get ${suite} from: add ${wanted} to them`);
    }
    for (const name of ['lists/partial', 'cache/archives/partial']) mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, 'status'), '');
    writeFileSync(join(folder, 'apt.conf'), configuration(folder));
    const apt = new PrivateApt(folder, suite);
    const failures: string[] = [];
    for (const archive of archives) {
      const failure = await apt.#update(archive, architectures);
      if (failure === undefined) return apt;
      failures.push(failure);
    }
    throw new MagicGenError(explain(suite, failures[0] ?? ''));
  }

  /** A package's fields in the suite, by name; undefined where the suite does not have the package. */
  async describe(name: string): Promise<Map<string, string> | undefined> {
    const { ok, stdout } = await this.#run('apt-cache', 'show', '--no-all-versions', name);
    if (!ok || stdout.trim() === '') return undefined;
    return new Map([...stdout.matchAll(/^([\w-]+): (.*)$/gm)].map(([, field = '', value = '']) => [field, value]));
  }

  /** Downloads a package. Returns its path. */
  async download(name: string, version: string): Promise<string> {
    const folder = join(this.#folder, 'download');
    mkdirSync(folder, { recursive: true });
    const { ok, stderr } = await this.#run('apt-get', 'download', '-qq', `${name}=${version}`);
    const [file] = readdirSync(folder).filter((entry) => entry.endsWith('.deb'));
    if (!ok || file === undefined) throw new MagicGenError(explain(this.#suite, stderr));
    return join(folder, file);
  }

  async #update(archive: ArchiveEntry, architectures: readonly string[]): Promise<string | undefined> {
    writeFileSync(join(this.#folder, 'debian.sources'), writeDeb822(archive, this.#suite, architectures));
    const { ok, stderr } = await this.#run('apt-get', 'update', '-qq');
    return ok ? undefined : stderr;
  }

  #run(command: string, ...args: string[]) {
    const cwd = command === 'apt-get' && args[0] === 'download' ? join(this.#folder, 'download') : this.#folder;
    return run(command, ['-c', join(this.#folder, 'apt.conf'), ...args], { cwd, missing: noApt });
  }
}

const noApt = '--debian downloads with apt; --deb FILE takes a package file instead';

/** Overrides everything that ties apt to the running system. */
function configuration(folder: string): string {
  const settings = {
    'Dir::State::lists': join(folder, 'lists'),
    'Dir::State::status': join(folder, 'status'),
    'Dir::Cache': join(folder, 'cache'),
    'Dir::Etc::sourcelist': join(folder, 'debian.sources'),
    'Dir::Etc::sourceparts': '-',
    'Dir::Etc::preferences': '-',
    'Dir::Etc::preferencesparts': '-',
    // One architecture that every suite has, so that the host's does not matter.
    'APT::Architecture': baseArchitecture,
    // The user that apt switches to cannot write to this cache.
    'APT::Sandbox::User': '',
    'APT::Update::Error-Mode': 'any',
    'Acquire::Languages': 'none',
    // The headers of a suite that is no longer maintained are still good.
    'Acquire::Check-Valid-Until': 'false',
    'Acquire::Retries': '2',
    'Acquire::http::Timeout': '20',
    'Acquire::https::Timeout': '20',
  };
  return [
    '#clear APT::Architectures;',
    '#clear APT::Update;',
    '#clear Acquire::IndexTargets::deb::DEP-11;',
    '#clear Acquire::IndexTargets::deb::Contents-deb;',
    ...Object.entries(settings).map(([name, value]) => `${name} "${value}";`),
    '',
  ].join('\n');
}

/** The architecture whose lists also have the packages for all architectures. */
export const baseArchitecture = 'amd64';

async function systemEntries(): Promise<ArchiveEntry[]> {
  const asked = ['shell', 'LIST', 'Dir::Etc::sourcelist/f', 'PARTS', 'Dir::Etc::sourceparts/d'];
  const { stdout } = await run('apt-config', asked, { missing: noApt });
  const path = (name: string): string => new RegExp(`^${name}='(.*)'$`, 'm').exec(stdout)?.[1] ?? '';
  const parts = path('PARTS');
  const inParts = isThere(parts) ? readdirSync(parts).map((name) => join(parts, name)) : [];
  return [path('LIST'), ...inParts.toSorted()].filter(isThere).flatMap((file) => {
    if (file.endsWith('.list')) return readOneLine(readFileSync(file, 'utf8'));
    return file.endsWith('.sources') ? readDeb822(readFileSync(file, 'utf8')) : [];
  });
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function runningRelease(): string {
  const file = '/etc/os-release';
  return (isThere(file) && /^VERSION_CODENAME="?([\w-]+)/m.exec(readFileSync(file, 'utf8'))?.[1]) || 'stable';
}

const networkErrors = new RegExp(
  'Could not resolve|Temporary failure|Could not connect|Cannot initiate|Connection (?:failed|timed|refused)|' +
    'unreachable',
  'i',
);

/** One sentence for apt's many lines. */
function explain(suite: string, stderr: string): string {
  const errors = stderr.split('\n').filter((line) => /^[EW]: /.test(line));
  const first = (errors.find((line) => line.startsWith('E: ')) ?? errors[0] ?? stderr.trim()).slice(0, 300);
  if (networkErrors.test(stderr)) {
    return `${suite} cannot be reached without a network: ${first.replace(/^[EW]: /, '')}`;
  }
  if (/does not have a Release file|no longer has a Release file|404 +Not Found|File not found/.test(stderr)) {
    return `no suite '${suite}' in the archive that the system's apt sources name: ${first.replace(/^[EW]: /, '')}`;
  }
  return `apt could not get ${suite}: ${first.replace(/^[EW]: /, '')}`;
}
