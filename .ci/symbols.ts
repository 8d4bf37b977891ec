import { execFileSync } from 'node:child_process';

/** Versions of glibc by what follows `2.`: 28 is glibc 2.28. */
export type Glibc = number;

/** The functions that a libc defines, each with the oldest version that a program may ask for. */
export function definedBy(libc: string): Map<string, Glibc> {
  const oldest = new Map<string, Glibc>();
  for (const [, name = '', version] of symbolsOf(libc).matchAll(/ (\w+)@@?GLIBC_2\.(\d+)/g)) {
    oldest.set(name, Math.min(Number(version), oldest.get(name) ?? Number.POSITIVE_INFINITY));
  }
  return oldest;
}

/** The functions that a library takes from the process which loads it. */
export function takenBy(library: string): string[] {
  return [...symbolsOf(library).matchAll(/ UND (\w+)$/gm)].map(([, name = '']) => name);
}

/** The newest version of glibc that a program or library asks for. */
export function newestGlibcOf(path: string): Glibc {
  return Math.max(...[...symbolsOf(path).matchAll(/ UND \w+@GLIBC_2\.(\d+)/g)].map(([, version]) => Number(version)));
}

function symbolsOf(path: string): string {
  const args = ['--wide', '--dyn-syms', path];
  return execFileSync('readelf', args, { encoding: 'utf8', maxBuffer: 2 ** 26 });
}
