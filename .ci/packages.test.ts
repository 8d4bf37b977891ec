import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { machines } from '../packages/kvm-core/src/arch/list.js';
import { reachable } from './reachable.mjs';

const root = resolve(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'kvm-packages-'));
const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { packageManager: string };
const packages = readdirSync(join(root, 'packages'));

interface Manifest {
  name: string;
  version: string;
  type: string;
  scripts?: Record<string, string>;
}

function run(command: string, args: string[], cwd: string): string {
  // pnpm's shims point NODE_PATH into this workspace, where a user's project would find what it did not install.
  const { NODE_PATH: _, ...env } = process.env;
  return execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** The tarball of a package, as it would be published. */
const tarballs = new Map<string, string>();

beforeAll(() => {
  for (const name of packages) {
    const out = join(folder, `${name}.tgz`);
    run('npx', ['-y', packageManager, 'pack', '--out', out], join(root, 'packages', name));
    tarballs.set(name, out);
  }
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function tarball(name: string): string {
  return tarballs.get(name) as string;
}

describe.each(packages)('%s, packed', (name) => {
  test('has the layout that its package.json describes (publint)', () => {
    const output = run('node_modules/.bin/publint', ['--strict', tarball(name)], root);
    expect(output).toContain('All good!');
  });

  test('has types that resolve like its code (attw)', () => {
    // It fails for every problem that the profile does not exclude.
    const output = run('node_modules/.bin/attw', ['--profile', 'esm-only', tarball(name)], root);
    expect(output).toContain(name === 'kvm-cli' ? 'This package does not contain types' : '🟢');
  });

  test('needs no install script, contains its license, and contains no tests', () => {
    const files = run('tar', ['-tzf', tarball(name)], root).split('\n');
    const manifest = JSON.parse(run('tar', ['-xzOf', tarball(name), 'package/package.json'], root)) as Manifest;
    const hooks = Object.keys(manifest.scripts ?? {}).filter((script) => /^(pre|post)?install$|^prepare$/.test(script));
    expect(hooks).toEqual([]);
    expect(files).toContain('package/LICENSE');
    expect(files.filter((file) => /\.test\.|tsbuildinfo/.test(file))).toEqual([]);
  });
});

/** The bytes of each file of a package, by its path in the tarball. */
function unpacked(name: string): Map<string, Buffer> {
  const target = join(folder, `${name}-files`);
  mkdirSync(target, { recursive: true });
  run('tar', ['-xzf', tarball(name), '-C', target], root);
  const files = readdirSync(target, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  return new Map(
    files.map((file) => [join(file.parentPath, file.name), readFileSync(join(file.parentPath, file.name))]),
  );
}

test.each(packages)('%s refers to no source map that it does not ship, and ships none without its sources', (name) => {
  const files = unpacked(name);
  const missing = [...files].flatMap(([path, bytes]) => {
    if (path.endsWith('.map')) {
      const { sources, sourcesContent } = JSON.parse(bytes.toString()) as {
        sources: string[];
        sourcesContent?: string[];
      };
      if (sourcesContent !== undefined) return [];
      return sources.map((source) => resolve(path, '..', source)).filter((source) => !files.has(source));
    }
    const map = /\.[cm]?[jt]s$/.test(path) ? /^\/\/# sourceMappingURL=(\S+)/m.exec(bytes.toString())?.[1] : undefined;
    return map === undefined || files.has(resolve(path, '..', map)) ? [] : [`${path}: ${map}`];
  });
  expect(missing).toEqual([]);
});

test.each(packages)('%s holds no module and no declaration that its entries do not reach', (name) => {
  const files = [...unpacked(name).keys()].map((path) => path.slice(join(folder, `${name}-files/package/`).length));
  const wanted = reachable(join(folder, `${name}-files/package`));
  const surplus = files.filter((file) => /\.(?:[cm]?[jt]s|map)$/.test(file) && !wanted.has(file));
  expect(wanted.size).toBeGreaterThan(0);
  expect(surplus).toEqual([]);
});

test('@kvm/core is less than 3.5 MB, unpacked', () => {
  const bytes = [...unpacked('kvm-core').values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  expect(bytes).toBeLessThan(3_500_000);
});

test.each(Object.keys(machines))('@kvm/core/%s loads the ABI of no other architecture', (arch) => {
  unpacked('kvm-core');
  const modules = new Set<string>();
  const load = (path: string): void => {
    if (modules.has(path)) return;
    modules.add(path);
    const imports = readFileSync(path, 'utf8').matchAll(/^(?:import|export) [^;]*?"(\.[^"]+)";/gm);
    for (const [, each = ''] of imports) load(resolve(path, '..', each));
  };
  const entry = arch === 'x86' ? 'dist/index.js' : `dist/arch/${arch}/index.js`;
  load(join(folder, 'kvm-core-files/package', entry));
  // The bundler names each source file.
  const sources = [...modules].flatMap((path) => [...readFileSync(path, 'utf8').matchAll(/^\/\/ src\/abi\/(\w+)\//gm)]);
  const found = new Set(sources.map(([, name]) => name));
  expect([...found].sort()).toEqual([arch, 'generic'].sort());
});
