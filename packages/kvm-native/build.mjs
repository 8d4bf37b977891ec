// Builds the addon into prebuilds/. Where there is no compiler the package is left without its binary, in one clear line, and
// @kvm/core falls back on koffi: a missing tool must not stop an installation.
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, 'prebuilds', `${process.platform}-${process.arch}`);

// Whether the tools are there is nothing a build cache can know, so it is this script that does not build twice.
const sources = ['build.mjs', 'binding.gyp', ...readdirSync(join(here, 'src')).map((file) => join('src', file))];
const built = statSync(join(out, 'kvm.node'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
if (sources.every((file) => statSync(join(here, file)).mtimeMs < built)) process.exit(0);

// What is there was made of other sources: should the build fail, none is better.
rmSync(out, { recursive: true, force: true });

const tools = { make: 'make', python3: 'python3', 'g++': process.env.CXX ?? 'g++' };
const missing = Object.keys(tools).filter((name) => !runs(tools[name]));
if (missing.length > 0) {
  process.stdout.write(`@kvm/native: no ${missing.join(', ')}: the native backend is left out, koffi serves instead\n`);
  process.exit(0);
}

const nodeGyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
// Node's own headers, where it was installed with them: node-gyp would fetch them from the network.
const prefix = dirname(dirname(process.execPath));
const headers = [prefix, '/usr', '/usr/local'].find((dir) => existsSync(join(dir, 'include', 'node', 'node_api.h')));
const nodedir = headers === undefined ? [] : [`--nodedir=${headers}`];
try {
  execFileSync(process.execPath, [nodeGyp, 'rebuild', '--loglevel=error', ...nodedir], { cwd: here, stdio: 'pipe' });
} catch (error) {
  process.stdout.write(`${error.stdout ?? ''}${error.stderr ?? ''}`);
  process.stdout.write('@kvm/native: the addon does not build (see above): it is left out, koffi serves instead\n');
  // CI has all it needs, so there a failure is one.
  process.exit(process.env.CI ? 1 : 0);
}
mkdirSync(out, { recursive: true });
copyFileSync(join(here, 'build', 'Release', 'kvm.node'), join(out, 'kvm.node'));
rmSync(join(here, 'build'), { recursive: true });

function runs(command) {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
