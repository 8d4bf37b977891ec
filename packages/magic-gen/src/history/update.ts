import { headersOf } from '../headers/several.js';
import { type HeaderSource, headersFrom } from '../headers/source.js';
import { type Interface, isOn, rootsIn } from '../interfaces/interfaces.js';
import { buildModel } from '../model/build.js';
import type { Progress } from '../progress.js';
import { targets } from '../targets/index.js';
import { type History, historyOf, mergeHistories } from './history.js';

/** The suites that together have every kernel whose headers Debian offers, oldest first. */
export const suites: readonly string[] = [
  'bullseye',
  'bookworm',
  'bookworm-backports',
  'trixie',
  'forky',
  'sid',
  'trixie-backports',
];

/** One data model of each architecture; the others have the same names. */
const architectures = targets.filter(({ name, arch }) => name === arch);

/**
 * What the headers of sources add to the histories of interfaces, for every architecture. Where a source lacks an
 * architecture (it got KVM later, or nobody packages its headers), a note says so and the others count.
 *
 * @param histories By interface name.
 * @throws MagicGenError where a source has no headers at all, or they cannot be read.
 */
export async function extendHistories(
  histories: ReadonlyMap<Interface, History>,
  sources: readonly HeaderSource[],
  progress: Progress,
): Promise<Map<Interface, History>> {
  const result = new Map(histories);
  // Several suites may have the same kernel.
  const done = new Set<string>();
  for (const source of sources) {
    const notes: string[] = [];
    const found = headersOf('all', (target) => headersFrom(source, target, progress), {
      all: architectures,
      lacking: (_, { message }) => notes.push(message),
    });
    for await (const { target, headers } of found) {
      if (done.has(`${headers.kernel} ${target.arch}`)) continue;
      done.add(`${headers.kernel} ${target.arch}`);
      progress.step(`${target.name}: reading the headers of Linux ${headers.kernel}`);
      for (const [each, history] of result) {
        if (!isOn(each, target)) continue;
        const found = historyOf(buildModel(headers, target, rootsIn(headers, each, target)));
        result.set(each, mergeHistories(history, found));
      }
    }
    for (const note of notes) progress.note(note);
  }
  return result;
}
