// Builds the addon into prebuilds/. Without a compiler the package is left without its binary, with a one-line message,
// and @kvm/core uses koffi: a missing tool must not stop an installation.
//
//     node build.mjs                    for this machine, with its C++ compiler: $CXX, or g++
//     node build.mjs --target arm64     for another one, with clang and Debian's libraries for cross compilers
//     node build.mjs --release          for all, with clang; fails unless each is there and as check.mjs wants it
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { problems } from './check.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const triples = {
  x64: 'x86_64-linux-gnu',
  arm64: 'aarch64-linux-gnu',
  riscv64: 'riscv64-linux-gnu',
  ppc64: 'powerpc64le-linux-gnu',
};
const clang = 'clang++-19';
const sources = readdirSync(join(here, 'src')).map((file) => join(here, 'src', file));

// The binary has no libc and no C++ library among its dependencies. Its functions of libc come from the process, so it
// loads under glibc and musl (docs/decisions/prebuilds.md).
const flags = [
  ...['-shared', '-fPIC', '-std=c++17', '-O2', '-Wall', '-Wextra', '-fvisibility=hidden'],
  ...['-fno-exceptions', '-fno-rtti', '-fno-stack-protector', '-U_FORTIFY_SOURCE'],
  ...['-ffunction-sections', '-fdata-sections', '-nostdlib', '-s', '-Wl,--gc-sections', '-Wl,--build-id=none'],
  // All symbols are looked up when it is loaded, and it stays loaded: the kernel may still call its signal handler.
  ...['-Wl,-z,now', '-Wl,-z,nodelete', `-Wl,--version-script=${join(here, 'src', 'exports.map')}`],
  ...['-DNAPI_VERSION=8', '-DNODE_ADDON_API_DISABLE_DEPRECATED', '-DNODE_ADDON_API_DISABLE_CPP_EXCEPTIONS'],
];

const [mode, target = process.arch] = process.argv.slice(2);
if (mode === '--release') release();
else if (target === process.arch) build(target, process.env.CXX ?? 'g++', []);
else if (Object.hasOwn(triples, target)) build(target, clang, cross(target));
else fail(`unknown target ${target}; known are ${Object.keys(triples).join(', ')}`);

function cross(name) {
  return [`--target=${triples[name]}`, '-fuse-ld=lld-19'];
}

// A build cache cannot know whether the tools are installed, so this script itself avoids a second build.
function isFresh(name) {
  const built = statSync(binary(name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return [...sources, join(here, 'build.mjs')].every((file) => statSync(file).mtimeMs < built);
}

/** Builds one binary, unless it is newer than its sources. A failure leaves none. */
function build(name, compiler, options) {
  if (isFresh(name)) return;
  const out = binary(name);
  // The existing binary has other sources. If the build fails, no binary is better.
  rmSync(dirname(out), { recursive: true, force: true });
  if (!runs(compiler)) {
    process.stdout.write(`@kvm/native: no ${compiler}: the native backend is not built, koffi is used instead\n`);
    return;
  }
  try {
    compile(out, compiler, options);
  } catch (error) {
    process.stdout.write(`${error.stdout ?? ''}${error.stderr ?? error.message}\n`);
    process.stdout.write('@kvm/native: the addon does not build (see above): it is left out, koffi serves instead\n');
    // CI has all tools, so a failure there is an error.
    process.exit(process.env.CI ? 1 : 0);
  }
}

/** Everything that is published. */
function release() {
  for (const name of Object.keys(triples)) {
    // The one for this machine may be from another compiler.
    if (name !== process.arch && isFresh(name)) continue;
    try {
      compile(binary(name), clang, cross(name));
    } catch (error) {
      fail(`${name} does not build; ${error.code === 'ENOENT' ? `there is no ${clang}` : (error.stderr ?? error)}`);
    }
  }
  const found = Object.keys(triples).flatMap((name) => problems(binary(name), name));
  if (found.length > 0) fail(`the binaries must not be published:\n${found.join('\n')}`);
}

function compile(out, compiler, options) {
  const require = createRequire(import.meta.url);
  const include = [require('node-api-headers').include_dir, dirname(require.resolve('node-addon-api/napi.h'))];
  const inputs = sources.filter((file) => file.endsWith('.cc'));
  mkdirSync(dirname(out), { recursive: true });
  const unfinished = `${out}.${process.pid}`;
  const args = [...options, ...flags, ...include.map((folder) => `-I${folder}`), ...inputs, '-o', unfinished];
  try {
    execFileSync(compiler, args, { stdio: 'pipe', encoding: 'utf8' });
    renameSync(unfinished, out);
  } finally {
    rmSync(unfinished, { force: true });
    if (!existsSync(out)) rmSync(dirname(out), { recursive: true });
  }
}

function binary(name) {
  return join(here, 'prebuilds', `linux-${name}`, 'kvm.node');
}

function runs(command) {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function fail(message) {
  process.stderr.write(`@kvm/native: ${message}\n`);
  process.exit(1);
}
