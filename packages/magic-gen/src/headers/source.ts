import { statSync } from 'node:fs';
import { MagicGenError } from '../errors.js';
import { type Progress, silent } from '../progress.js';
import type { TargetDescription } from '../targets/target.js';
import { unpackedDeb } from './deb.js';
import { suiteHeaders } from './debian/suite.js';
import { findHeaders, type HeaderSet } from './find.js';
import { isKernelTree, kernelTreeHeaders } from './kernel.js';

/** Where headers come from. One source may have headers for many architectures. */
export type HeaderSource =
  | { kind: 'system' }
  /**
   * A folder as `make headers_install` fills it, or similar, and the kernel release where the headers do not state it.
   */
  | { kind: 'directory'; path: string; kernelVersion?: string }
  /** A linux-libc-dev package. */
  | { kind: 'deb'; path: string }
  /** A kernel's source tree. */
  | { kind: 'kernel'; path: string }
  /** A Debian suite: "trixie-backports". */
  | { kind: 'debian'; suite: string; fresh?: boolean };

/**
 * The headers that a source has for an architecture, downloaded, unpacked or made first where necessary.
 *
 * @throws NoHeadersError where it has none. MagicGenError where the source itself is faulty.
 */
export async function headersFrom(
  source: HeaderSource,
  target: TargetDescription,
  progress: Progress = silent,
): Promise<HeaderSet> {
  const kernelVersion = source.kind === 'directory' ? source.kernelVersion : undefined;
  return findHeaders({ directory: await directoryOf(source, target, progress), kernelVersion, target });
}

async function directoryOf(
  source: HeaderSource,
  target: TargetDescription,
  progress: Progress,
): Promise<string | undefined> {
  switch (source.kind) {
    case 'system':
      return undefined;
    case 'directory':
      return source.path;
    case 'deb':
      progress.step(`unpacking ${source.path}`);
      return unpackedDeb(source.path);
    case 'kernel':
      progress.step(`${target.name}: making the headers of ${source.path}`);
      return kernelTreeHeaders(source.path, target);
    case 'debian':
      return suiteHeaders(source.suite, target, { progress, fresh: source.fresh ?? false });
  }
}

/**
 * A source from one word, for commands that take two: `system`, `debian:SUITE`, a package, a kernel's tree or a
 * directory of headers.
 *
 * @param kernelVersion The kernel release of a directory of headers.
 * @throws MagicGenError where the word is none of these.
 */
export function sourceNamed(word: string, kernelVersion?: string): HeaderSource {
  if (word === 'system') return { kind: 'system' };
  if (word.startsWith('debian:')) return { kind: 'debian', suite: word.slice('debian:'.length) };
  const stat = statSync(word, { throwIfNoEntry: false });
  if (stat?.isDirectory()) {
    if (isKernelTree(word)) return { kind: 'kernel', path: word };
    return { kind: 'directory', path: word, ...(kernelVersion === undefined ? {} : { kernelVersion }) };
  }
  if (stat?.isFile() && word.endsWith('.deb')) return { kind: 'deb', path: word };
  throw new MagicGenError(`${word} is not a source of headers: neither 'system', 'debian:SUITE', a folder nor a .deb`);
}
