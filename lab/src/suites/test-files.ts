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
 * What holds of the checkout and not of a kernel: vitest compiles and compares files for these. And what would take longer
 * here than all the rest: thousands of VMs, tens of thousands of kicks.
 */
const notForLabs = /^(?:(?:docs|coverage|seed|cycles|garbage|kicks)\.test|runtimes|guest\/listing)/;

/** Of other packages than @kvm/core, only the tests that ask whether there is a KVM: the others do not notice where they run. */
const asksForKvm = /from '.*\/kvm-core\/test\/backends\.js'/;

/** Packages that make machines of x86 only, as yet. */
const onlyX86: readonly PackageName[] = ['vmm', 'cli'];

/**
 * The test files for an architecture, as they are called once they are compiled: those first that will take longest, so that
 * none of them is left for the end.
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
    .filter((path) => isCore || asksForKvm.test(readFileSync(path, 'utf8')));
}

/** How long a test file takes, guessed: with its length, and with threads and processes that it starts. */
function weightOf(source: string): number {
  return source.length * (/new Worker\(|vm\.start\(|child_process/.test(source) ? 10 : 1);
}

/** What the suite of a test file is called. */
export function suiteOf(file: string): string {
  const [, name, folder] = /\/packages\/kvm-(\w+)\/(\w+)\//.exec(file) ?? [];
  if (name !== 'core') return name ?? 'lab';
  return folder === 'conformance' ? 'conformance' : 'behaviour';
}
