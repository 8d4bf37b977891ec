import { cpSync, existsSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Architecture } from '../architecture/architecture.js';
import { cachedFolder } from '../cache.js';
import { LabError } from '../errors.js';
import { lastLines, runProgram } from '../program-run.js';

/** The checkout that contains this file. */
export const checkout = realpathSync(join(import.meta.dirname, '../../..'));

/**
 * Compiles a package's sources and tests into a folder that is mounted over the host's files. In the machine each test
 * is JavaScript beside its source. vitest's own compiler has no binary for every architecture.
 */
export async function compileTests(packageFolder: string, layer: string): Promise<void> {
  const compiler = join(checkout, 'node_modules/.bin/tsc');
  const options = [
    '--noEmit',
    'false',
    '--noCheck',
    '--declaration',
    'false',
    '--sourceMap',
    'false',
    '--rewriteRelativeImportExtensions',
    '--rootDir',
    checkout,
  ];
  const args = ['-p', join(packageFolder, 'tsconfig.test.json'), ...options, '--outDir', join(layer, checkout)];
  const missing = 'the workspace is to be installed first: npm run setup';
  const { ok, stdout, stderr } = await runProgram(compiler, args, { missing });
  if (!ok) throw new LabError(`the tests do not compile: ${lastLines(stdout.toString() + stderr, 10)}`);
}

/** Builds the addon for an architecture. If that fails, its tests are skipped there. Returns a message for the user. */
export async function buildAddon(architecture: Architecture): Promise<string> {
  const script = join(checkout, 'packages/kvm-native/build.mjs');
  const { stdout } = await runProgram(process.execPath, [script, '--target', architecture.node], {
    missing: 'it is Node',
  });
  return stdout.toString().trim();
}

/** Puts koffi's binary for an architecture where koffi looks for it, because pnpm has installed only the host's. */
export async function addKoffi(architecture: Architecture, folder: string): Promise<void> {
  const installed = join(checkout, 'packages/kvm-core/node_modules/@koromix');
  const host = join(installed, `koffi-linux-${process.arch}`, 'package.json');
  const { version } = JSON.parse(readFileSync(host, 'utf8')) as { version: string };
  const name = `@koromix/koffi-linux-${architecture.node}`;
  const place = join(installed, `koffi-linux-${architecture.node}`);
  if (existsSync(place)) return;
  const unpacked = await cachedFolder(join('koffi', `${architecture.node}-${version}`), async (fresh) => {
    const npm = await runProgram('npm', ['pack', '--silent', `${name}@${version}`], {
      cwd: fresh,
      missing: 'it comes with Node',
    });
    const tarball = npm.stdout.toString().trim();
    if (!npm.ok) throw new LabError(`${name} ${version} cannot be downloaded from npm: ${lastLines(npm.stderr)}`);
    const tar = await runProgram('tar', ['-xzf', tarball, '--strip-components=1'], {
      cwd: fresh,
      missing: 'it unpacks',
    });
    rmSync(join(fresh, tarball));
    if (!tar.ok) throw new LabError(`${name} ${version} cannot be unpacked: ${lastLines(tar.stderr)}`);
  });
  cpSync(unpacked, join(folder, place), { recursive: true });
}
