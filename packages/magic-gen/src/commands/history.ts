import type { Command } from 'commander';
import { MagicGenError } from '../errors.js';
import type { HeaderSource } from '../headers/source.js';
import { historyNamed, writeHistory } from '../history/file.js';
import { emptyHistory, firstKernel, type History, knownKernels } from '../history/history.js';
import { kinds } from '../history/names.js';
import { extendHistories, suites } from '../history/update.js';
import { sinceText } from '../history/versions.js';
import { findInterfaces, type Interface } from '../interfaces/interfaces.js';
import { TerminalProgress } from '../progress.js';
import { namesSource, type SourceOptions, sourceOf, withInterfaces, withSources } from './sources.js';

interface HistoryOptions extends SourceOptions {
  update?: boolean;
  interface: string;
}

/** `magic-gen history`: which kernel brought a name. */
export function addHistory(program: Command): void {
  const command = program
    .command('history')
    .description('show which kernel brought a name; without names, summarize what is known')
    .argument('[names...]', 'constants, ioctls, structs, or members as struct.member');
  withInterfaces(withSources(command), 'all')
    .option('--update', "read the headers of Debian's suites, or of the named source, and add their names")
    .action(async (names: string[], options: HistoryOptions) => {
      const all = findInterfaces(options.interface);
      if (options.update) process.stdout.write(await update(all, options));
      else process.stdout.write(names.length > 0 ? describeNames(all, names) : all.map(summary).join(''));
    });
}

async function update(all: readonly Interface[], options: HistoryOptions): Promise<string> {
  const progress = new TerminalProgress();
  const sources = namesSource(options)
    ? [sourceOf(options)]
    : suites.map((suite): HeaderSource => ({ kind: 'debian', suite, fresh: true }));
  const known = new Map(all.map((each) => [each, historyNamed(each.name, emptyHistory)]));
  const extended = await extendHistories(known, sources, progress);
  progress.done();
  return [...extended]
    .map(([each, history]) => {
      const changed = writeHistory(each.name, history);
      return `${summary(each)}${changed ? `history/${each.name}.json is written` : 'nothing is new'}\n`;
    })
    .join('');
}

/** Which kernels are known for an interface, and how many names. */
function summary({ name }: Interface): string {
  const history = historyNamed(name);
  const lines = Object.entries(history.kernels).flatMap(([arch, kernels]) => {
    const own = history.own[arch];
    const count = kinds.map((kind) => Object.keys(own?.[kind] ?? {}).length).reduce((sum, each) => sum + each, 0);
    if (count === 0) return [];
    return [
      `${name.padEnd(12)} ${arch.padEnd(10)} ${`${count}`.padStart(6)} names of its own; Linux ${kernels.join(', ')}`,
    ];
  });
  const common = kinds.map((kind) => `${Object.keys(history.common[kind]).length} ${kind}s`).join(', ');
  const shared = `${name.padEnd(12)} common to all: ${common}; Linux ${knownKernels(history).join(', ')}`;
  return `${[...lines, shared].join('\n')}\n`;
}

/** One line for each name and kind. Architectures that agree share a line. */
function describeNames(all: readonly Interface[], names: readonly string[]): string {
  const lines = names.flatMap((name) => {
    const found = all.flatMap((each) => describeName(historyNamed(each.name), name));
    if (found.length === 0) throw new MagicGenError(`no known kernel has '${name}'`);
    return found;
  });
  // A nested struct is also a member of the outer one, and two interfaces may have the same name.
  return `${[...new Set(lines)].join('\n')}\n`;
}

function describeName(history: History, name: string): string[] {
  return kinds.flatMap((kind) => {
    const texts = new Map<string, string[]>();
    for (const arch of Object.keys(history.kernels)) {
      const kernel = firstKernel(history, kind, name, arch);
      if (kernel === undefined) continue;
      const common = Object.hasOwn(history.common[kind], name);
      const text = sinceText(kernel, knownKernels(history, common ? undefined : arch));
      texts.set(text, [...(texts.get(text) ?? []), arch]);
    }
    return [...texts].map(([text, archs]) => {
      const where = texts.size > 1 || !Object.hasOwn(history.common[kind], name) ? ` (${archs.join(', ')})` : '';
      return `${name} ${text}${where}`;
    });
  });
}
