import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory } from '../cache.js';
import { LabError } from '../errors.js';
import { type Run, runProgram } from '../program-run.js';
import { archivesFor, noApt } from './archives.js';
import { type DebianPackage, readPackages } from './packages.js';

/**
 * A separate apt for one suite and architecture. Its lists, its cache and its (empty) list of installed packages are in
 * the lab's cache. The system's stay as they are. Only the addresses of archives come from the system.
 */
export class SuiteApt {
  readonly #folder: string;
  readonly #suite: string;
  readonly #architecture: string;

  private constructor(suite: string, architecture: string) {
    this.#suite = suite;
    this.#architecture = architecture;
    this.#folder = join(cacheDirectory(), 'apt', `${suite}-${architecture}`);
  }

  /**
   * Creates an apt with the current package list of the suite.
   *
   * @throws LabError if there is no apt, no such suite, or no connection to it.
   */
  static async open(suite: string, architecture: string): Promise<SuiteApt> {
    const apt = new SuiteApt(suite, architecture);
    for (const name of ['lists/partial', 'cache/archives/partial']) {
      mkdirSync(join(apt.#folder, name), { recursive: true });
    }
    writeFileSync(join(apt.#folder, 'status'), '');
    writeFileSync(join(apt.#folder, 'apt.conf'), configuration(apt.#folder, architecture));
    const failures: string[] = [];
    for (const uri of await archivesFor(suite)) {
      const failure = await apt.#update(uri);
      if (failure === undefined) return apt;
      failures.push(failure);
    }
    throw new LabError(apt.#explain(failures[0] ?? ''));
  }

  /** Every package of the suite. */
  async packages(): Promise<DebianPackage[]> {
    const { ok, stdout, stderr } = await this.#run('apt-cache', ['dumpavail'], this.#folder);
    if (!ok) throw new LabError(this.#explain(stderr));
    return readPackages(stdout.toString());
  }

  /** Downloads one package into a folder and verifies its checksum. Returns its path. */
  async download({ name, version }: DebianPackage, folder: string): Promise<string> {
    const before = new Set(readdirSync(folder));
    const { ok, stderr } = await this.#run('apt-get', ['download', '-qq', `${name}=${version}`], folder);
    const file = readdirSync(folder).find((entry) => entry.endsWith('.deb') && !before.has(entry));
    if (!ok || file === undefined) throw new LabError(this.#explain(stderr));
    return join(folder, file);
  }

  /** Downloads packages and all their dependencies into a folder. Returns their paths. */
  async downloadWithDependencies(names: readonly string[], folder: string): Promise<string[]> {
    const archives = join(folder, 'archives');
    mkdirSync(join(archives, 'partial'), { recursive: true });
    const { ok, stderr } = await this.#run(
      'apt-get',
      [
        ...[
          '-o',
          `Dir::Cache::archives=${archives}`,
          '-o',
          'APT::Install-Recommends=false',
          '-o',
          'Debug::NoLocking=1',
        ],
        ...['install', '-qq', '--yes', '--download-only', ...names],
      ],
      this.#folder,
    );
    if (!ok) throw new LabError(this.#explain(stderr));
    return readdirSync(archives)
      .filter((name) => name.endsWith('.deb'))
      .map((name) => join(archives, name));
  }

  async #update(uri: string): Promise<string | undefined> {
    writeFileSync(join(this.#folder, 'debian.sources'), sources(uri, this.#suite, this.#architecture));
    const { ok, stderr } = await this.#run('apt-get', ['update', '-qq'], this.#folder);
    return ok ? undefined : stderr;
  }

  #run(command: string, args: string[], cwd: string): Promise<Run> {
    return runProgram(command, ['-c', join(this.#folder, 'apt.conf'), ...args], { cwd, missing: noApt });
  }

  /** Sums up apt's output in one sentence. */
  #explain(said: string): string {
    const errors = said.split('\n').filter((line) => /^[EW]: /.test(line));
    const first = (errors.find((line) => line.startsWith('E: ')) ?? errors[0] ?? said.trim()).slice(0, 300);
    const what = `${this.#suite} for ${this.#architecture}`;
    if (
      /Could not resolve|Temporary failure|Could not connect|Connection (?:failed|timed|refused)|unreachable/i.test(
        said,
      )
    ) {
      return `${what} cannot be had without a network: ${first.slice(3)}`;
    }
    if (/unexpected size|Hash Sum mismatch|Mirror sync in progress/i.test(said)) {
      return `the archive is being updated just now and ${what} does not agree with itself: try again later`;
    }
    return `apt could not get ${what}: ${first.replace(/^[EW]: /, '')}`;
  }
}

/** A suite in the format of apt's sources. */
export function sources(uri: string, suite: string, architecture?: string): string {
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  return [
    'Types: deb',
    `URIs: ${uri}`,
    `Suites: ${suite}`,
    'Components: main',
    ...(architecture === undefined ? [] : [`Architectures: ${architecture}`]),
    ...(existsSync(keyring) ? [`Signed-By: ${keyring}`] : []),
    '',
  ].join('\n');
}

/** Cuts all connections of apt to the running system. */
function configuration(folder: string, architecture: string): string {
  const settings = {
    'Dir::State::lists': join(folder, 'lists'),
    'Dir::State::status': join(folder, 'status'),
    'Dir::Cache': join(folder, 'cache'),
    'Dir::Etc::sourcelist': join(folder, 'debian.sources'),
    'Dir::Etc::sourceparts': '-',
    'Dir::Etc::preferences': '-',
    'Dir::Etc::preferencesparts': '-',
    'APT::Architecture': architecture,
    // apt's own user cannot write to another user's cache.
    'APT::Sandbox::User': '',
    'APT::Update::Error-Mode': 'any',
    'Acquire::Languages': 'none',
    // The kernels of a suite that is no longer maintained are still usable.
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
