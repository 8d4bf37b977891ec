import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import type { Architecture } from '../architecture/architecture.js';
import { checkout } from './layer.js';

/** The packages whose tests run guests. */
export const packageNames = ['core', 'vmm', 'cli'] as const;
export type PackageName = (typeof packageNames)[number];

export function packageFolder(name: PackageName): string {
  return join(checkout, 'packages', `kvm-${name}`);
}

/**
 * Tests of the checkout and not of a kernel, for which vitest compiles files. And tests that would take longer here
 * than all others: thousands of VMs, tens of thousands of kicks.
 */
const notForLabs = /^(?:(?:docs|seed|cycles|garbage|kicks)\.test|runtimes|guest\/listing)/;

/** Tests that vitest compares files for. */
const comparesFiles = /\.toMatchFileSnapshot\(/;

/**
 * In other packages than @kvm/core, only the tests that check for KVM run here. The others give the same result
 * everywhere.
 */
const asksForKvm = /from '.*\/kvm-core\/test\/backends\.js'/;

/** Packages that so far create only x86 machines. */
const onlyX86: readonly PackageName[] = ['vmm', 'cli'];

/**
 * The compiled test files for an architecture, those that take longest first, so that none of them is left for the end.
 */
export function testFiles(packages: readonly PackageName[], { name: architecture }: Architecture): string[] {
  return packages
    .filter((name) => architecture === 'x86' || !onlyX86.includes(name))
    .flatMap((name) => ['src', 'test', 'conformance'].map((folder) => join(packageFolder(name), folder)))
    .filter((folder) => existsSync(folder))
    .flatMap(filesIn)
    .map((path) => ({ path, weight: weightOf(readFileSync(path, 'utf8')) }))
    .toSorted((one, other) => other.weight - one.weight)
    .map(({ path }) => path.replace(/\.ts$/, '.js'));
}

function filesIn(folder: string): string[] {
  const isCore = folder.startsWith(packageFolder('core') + sep);
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts') && !notForLabs.test(name))
    .map((name) => join(folder, name))
    .filter((path) => {
      const source = readFileSync(path, 'utf8');
      return !comparesFiles.test(source) && (isCore || asksForKvm.test(source));
    });
}

/** Estimates the duration of a test file from its length and from the threads and processes that it starts. */
function weightOf(source: string): number {
  return source.length * (/new Worker\(|vm\.start\(|child_process/.test(source) ? 10 : 1);
}

/** The name of a test file's suite. */
export function suiteOf(file: string): string {
  const [, name, folder] = /\/packages\/kvm-(\w+)\/(\w+)\//.exec(file) ?? [];
  if (name !== 'core') return name ?? 'lab';
  return folder === 'conformance' ? 'conformance' : 'behaviour';
}
