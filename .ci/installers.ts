import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tool } from './tool.js';

/** One way to install packages into an empty folder. */
export interface Installer {
  readonly name: string;
  /** The file that names the registry, and settings. */
  readonly config: (registry: string) => Record<string, string>;
  readonly install: readonly string[];
  /** Runs a file of the folder. */
  readonly run: (file: string) => readonly string[];
  /** Whether koffi's binaries are installed, which are optional. */
  readonly optional: boolean;
}

const { packageManager } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')) as {
  packageManager: string;
};
const npmrc = (registry: string): Record<string, string> => ({ '.npmrc': `registry=${registry}\n` });
const node = (file: string): string[] => [process.execPath, file];

function npm(...flags: string[]): Installer {
  const optional = !flags.includes('--omit=optional');
  const install = ['npm', 'install', '--no-audit', '--no-fund', ...flags];
  return { name: ['npm', ...flags].join(' '), config: npmrc, install, run: node, optional };
}

function pnpm(...flags: string[]): Installer {
  const install = ['npx', '-y', packageManager, 'add', ...flags];
  const optional = !flags.includes('--no-optional');
  return { name: ['pnpm', ...flags].join(' '), config: npmrc, install, run: node, optional };
}

const berry = [process.execPath, join(tool('yarn-4.18.1', '@yarnpkg/cli-dist', '4.18.1'), 'bin/yarn.js')];

function yarn(nodeLinker: 'pnp' | 'node-modules', enableScripts: boolean): Installer {
  const config = (registry: string): Record<string, string> => ({
    // YAML contains JSON. Yarn reads nothing above a folder that has a lockfile.
    '.yarnrc.yml': JSON.stringify({
      nodeLinker,
      enableScripts,
      npmRegistryServer: registry,
      unsafeHttpWhitelist: ['127.0.0.1'],
      enableTelemetry: false,
      enableImmutableInstalls: false,
      enableGlobalCache: false,
      // What was published a minute ago is meant to be installed.
      npmMinimalAgeGate: 0,
      // It asks a registry for everything a second time, to find lockfiles that somebody changed.
      enableHardenedMode: false,
    }),
    'yarn.lock': '',
  });
  const run = nodeLinker === 'pnp' ? (file: string) => [...berry, 'node', file] : node;
  const name = `yarn ${nodeLinker}${enableScripts ? '' : ', without scripts'}`;
  return { name, config, install: [...berry, 'add'], run, optional: true };
}

const isX64 = process.arch === 'x64';
// The folders are those of .ci/runtimes.
const bunPackage = isX64 ? '@oven/bun-linux-x64-baseline' : '@oven/bun-linux-aarch64';
const denoPackage = isX64 ? '@deno/linux-x64-glibc' : '@deno/linux-arm64-glibc';

function bun(...flags: string[]): Installer {
  const program = join(tool('runtimes/bun', bunPackage, 'latest'), 'bin/bun');
  const optional = !flags.includes('--omit=optional');
  const install = [program, 'add', ...flags];
  return { name: ['bun', ...flags].join(' '), config: npmrc, install, run: (file) => [program, file], optional };
}

function deno(): Installer {
  const program = join(tool('runtimes/deno', denoPackage, 'latest'), 'deno');
  return {
    name: 'deno',
    config: (registry) => ({
      ...npmrc(registry),
      'deno.json': '{ "nodeModulesDir": "auto", "minimumDependencyAge": "0" }',
    }),
    install: [program, 'add'],
    run: (file) => [program, 'run', '--allow-all', file],
    optional: true,
  };
}

/** How the argument of an installer names a package of npm. */
export function specOf({ name }: Installer, packageName: string): string {
  return name === 'deno' ? `npm:${packageName}` : packageName;
}

export const installers: readonly Installer[] = [
  npm(),
  npm('--ignore-scripts'),
  npm('--omit=optional'),
  pnpm(),
  pnpm('--ignore-scripts'),
  pnpm('--no-optional'),
  yarn('pnp', true),
  yarn('pnp', false),
  yarn('node-modules', true),
  yarn('node-modules', false),
  bun(),
  bun('--omit=optional'),
  deno(),
];
