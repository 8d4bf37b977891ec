// Builds the addon into prebuilds/. Without a compiler the package is left without its binary, with a one-line message,
// and @kvm/core uses koffi: a missing tool must not stop an installation.
//
//     node build.mjs                    for this machine, with node-gyp
//     node build.mjs --target arm64     for another one, with clang and Debian's libraries for cross compilers
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const triples = {
  x64: 'x86_64-linux-gnu',
  arm64: 'aarch64-linux-gnu',
  riscv64: 'riscv64-linux-gnu',
  ppc64: 'powerpc64le-linux-gnu',
};
const target = process.argv[2] === '--target' ? process.argv[3] : process.arch;
const isCross = target !== process.arch;
if (isCross && !Object.hasOwn(triples, target)) {
  process.stderr.write(`@kvm/native: unknown target ${target}; known are ${Object.keys(triples).join(', ')}\n`);
  process.exit(1);
}
const out = join(here, 'prebuilds', `${process.platform}-${target}`);

// A build cache cannot know whether the tools are installed, so this script itself avoids a second build.
const sources = ['build.mjs', 'binding.gyp', ...readdirSync(join(here, 'src')).map((file) => join('src', file))];
const built = statSync(join(out, 'kvm.node'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
if (sources.every((file) => statSync(join(here, file)).mtimeMs < built)) process.exit(0);

// The existing binary has other sources. If the build fails, no binary is better.
rmSync(out, { recursive: true, force: true });

const clang = 'clang++-19';
const tools = isCross
  ? { [clang]: clang, 'lld-19': 'ld.lld-19' }
  : { make: 'make', python3: 'python3', 'g++': process.env.CXX ?? 'g++' };
const missing = Object.keys(tools).filter((name) => !runs(tools[name]));
if (missing.length > 0) {
  process.stdout.write(
    `@kvm/native: no ${missing.join(', ')}: the native backend is not built, koffi is used instead\n`,
  );
  process.exit(0);
}

// Node's own headers, if they are installed. Otherwise node-gyp would fetch them from the network.
const prefix = dirname(dirname(process.execPath));
const headers = [prefix, '/usr', '/usr/local'].find((dir) => existsSync(join(dir, 'include', 'node', 'node_api.h')));
try {
  if (isCross) buildForTarget();
  else buildForHere();
} catch (error) {
  process.stdout.write(`${error.stdout ?? ''}${error.stderr ?? error.message}\n`);
  rmSync(out, { recursive: true, force: true });
  process.stdout.write('@kvm/native: the addon does not build (see above): it is left out, koffi serves instead\n');
  // CI has all tools, so a failure there is an error.
  process.exit(process.env.CI ? 1 : 0);
}

function buildForHere() {
  const nodeGyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
  const nodedir = headers === undefined ? [] : [`--nodedir=${headers}`];
  execFileSync(process.execPath, [nodeGyp, 'rebuild', '--loglevel=error', ...nodedir], { cwd: here, stdio: 'pipe' });
  mkdirSync(out, { recursive: true });
  copyFileSync(join(here, 'build', 'Release', 'kvm.node'), join(out, 'kvm.node'));
  rmSync(join(here, 'build'), { recursive: true });
}

/** The settings of binding.gyp for clang. The headers of Node-API are the same on every machine. */
function buildForTarget() {
  if (headers === undefined) throw new Error("Node's own headers are not installed");
  const gyp = JSON.parse(readFileSync(join(here, 'binding.gyp'), 'utf8')).targets[0];
  const api = createRequire(import.meta.url).resolve('node-addon-api/napi.h');
  mkdirSync(out, { recursive: true });
  const compile = ['-shared', '-fPIC', ...gyp.cflags_cc, ...gyp.defines.map((name) => `-D${name}`)];
  const include = [`-I${dirname(api)}`, `-I${join(headers, 'include', 'node')}`];
  const link = ['-fuse-ld=lld', ...gyp.ldflags, '-o', join(out, 'kvm.node')];
  const sources = gyp.sources.map((file) => join(here, file));
  execFileSync(clang, [`--target=${triples[target]}`, ...compile, ...include, ...sources, ...link], { stdio: 'pipe' });
}

function runs(command) {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
