import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const { load, prebuild } = createRequire(import.meta.url)('../dist/index.cjs') as typeof import('../dist/index.cjs');
const binary = join(root, 'prebuilds', `${process.platform}-${process.arch}`, 'kvm.node');
const absent = existsSync(binary) ? undefined : `${binary} was not built here: no compiler`;
if (absent !== undefined) process.stdout.write(`tests of the addon are skipped: ${absent}\n`);

test('the error for a platform without a binary names it', () => {
  expect(prebuild('linux', 'x64')).toBe('linux-x64');
  expect(() => prebuild('darwin', 'arm64')).toThrow('@kvm/native has no binary for darwin-arm64; it has them for');
  expect(prebuild('linux', 'ppc64', 'LE')).toBe('linux-ppc64');
  expect(() => prebuild('linux', 'ppc64', 'BE')).toThrow('no binary for linux-ppc64 (big-endian)');
});

test('the error for an unknown target names it', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'build.mjs'), '--target', 'vax'], {
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: expect.stringContaining('unknown target vax; known are x64, arm64'),
  });
});

test('a release without the compiler for all processors is refused', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'build.mjs'), '--release'], {
    encoding: 'utf8',
    env: { PATH: root },
  });
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: expect.stringMatching(/^@kvm\/native: \w+ does not build; there is no clang\+\+-19$/m),
  });
});

test('a package without its binary throws an error that says so', () => {
  const copy = mkdtempSync(join(tmpdir(), 'kvm-native-'));
  cpSync(join(root, 'dist'), join(copy, 'dist'), { recursive: true });
  const output = execFileSync(
    process.execPath,
    [
      '-e',
      `try { require(${JSON.stringify(join(copy, 'dist', 'index.cjs'))}).load() } catch (e) { console.log(e.message) }`,
    ],
    { encoding: 'utf8' },
  );
  rmSync(copy, { recursive: true });
  expect(output).toMatch(/installed without its binary: prebuilds\/linux-x64\/kvm\.node is missing/);
});

test('an addon with changed sources is removed if it cannot be built again', () => {
  const copy = mkdtempSync(join(tmpdir(), 'kvm-native-'));
  for (const name of ['build.mjs', 'check.mjs', 'src']) cpSync(join(root, name), join(copy, name), { recursive: true });
  const old = join(copy, 'prebuilds', `${process.platform}-${process.arch}`, 'kvm.node');
  mkdirSync(dirname(old), { recursive: true });
  writeFileSync(old, '');
  const build = (): string =>
    execFileSync(process.execPath, [join(copy, 'build.mjs')], { encoding: 'utf8', env: { PATH: copy, CXX: 'c++-99' } });
  const tomorrow = Date.now() / 1000 + 86_400;
  utimesSync(old, tomorrow, tomorrow);
  expect([build(), existsSync(old)]).toEqual(['', true]);
  utimesSync(old, 0, 0);
  expect(build()).toContain('no c++-99: the native backend is not built');
  expect(existsSync(old)).toBe(false);
  rmSync(copy, { recursive: true });
});

test.skipIf(absent !== undefined)('reports the version of the package', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  expect(load().version).toBe(`@kvm/native ${version}`);
});

test.skipIf(absent !== undefined)('loads in many threads that start and end', async () => {
  const code = `const { load } = require(${JSON.stringify(join(root, 'dist', 'index.cjs'))});
    const backend = load();
    require('node:worker_threads').parentPort.postMessage([backend.threadId(), backend.ioctl(-1, 0xae80, 0)]);`;
  const answers = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const worker = new Worker(code, { eval: true });
      const answer = await new Promise<number[]>((resolve, reject) =>
        worker.once('message', resolve).once('error', reject),
      );
      await worker.terminate();
      return answer;
    }),
  );
  expect(new Set(answers.map(([thread]) => thread)).size).toBe(8);
  const EBADF = 9;
  expect(answers.map(([, result]) => result)).toEqual(Array(8).fill(-EBADF));
});

// Sixty Workers, one after the other, take long on a machine that does other things.
test.skipIf(absent !== undefined)('takes one signal however often it is loaded', { timeout: 300_000 }, () => {
  const worker = `const addon = require(${JSON.stringify(join(root, 'dist', 'index.cjs'))}).load();
    const timer = addon.createTimer(addon.threadId());
    addon.deleteTimer(timer);
    require('node:worker_threads').parentPort.postMessage(timer);`;
  // The main thread does not load it, so the engine unloads it with each Worker.
  const program = `const { once } = require('node:events');
    const { Worker } = require('node:worker_threads');
    (async () => {
      let timers = 0;
      for (let i = 0; i < 60; i++) {
        const worker = new Worker(${JSON.stringify(worker)}, { eval: true });
        const exit = once(worker, 'exit');
        const [timer] = await once(worker, 'message');
        if (timer >= 0) timers++;
        await exit;
      }
      const [, caught] = /SigCgt:\\s*(\\w+)/.exec(require('node:fs').readFileSync('/proc/self/status', 'utf8'));
      const signals = [];
      for (let signal = 40; signal <= 60; signal++) {
        if (BigInt('0x' + caught) & (1n << BigInt(signal - 1))) signals.push(signal);
      }
      for (const signal of signals) process.kill(process.pid, signal);
      setTimeout(() => console.log(timers, signals.length), 10);
    })();`;
  const { stdout, status, signal } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' });
  expect({ stdout, status, signal }).toEqual({ stdout: '60 1\n', status: 0, signal: null });
});

test.skipIf(absent !== undefined)('opens no other file than the one of a path that is too long', () => {
  const ENAMETOOLONG = 36;
  const { open } = load() as unknown as { open(path: string): number };
  expect(['', '/', 'ä'].map((end) => open(`/dev/null/${'x/'.repeat(2100)}${end}`))).toEqual(
    Array(3).fill(-ENAMETOOLONG),
  );
  // It is cut between two characters of three bytes.
  expect(open(`${'ä'.repeat(2047)}€€`)).toBe(-ENAMETOOLONG);
});
