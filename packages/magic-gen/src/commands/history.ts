import type { Command } from 'commander';
import { MagicGenError } from '../errors.js';
import type { HeaderSource } from '../headers/source.js';
import { kvmHistory, writeKvmHistory } from '../history/file.js';
import { emptyHistory, firstKernel, type History, knownKernels } from '../history/history.js';
import { kinds } from '../history/names.js';
import { extendHistory, suites } from '../history/update.js';
import { sinceText } from '../history/versions.js';
import { TerminalProgress } from '../progress.js';
import { namesSource, type SourceOptions, sourceOf, withSources } from './sources.js';

/** `magic-gen history`: since when there is what. */
export function addHistory(program: Command): void {
  const command = program
    .command('history')
    .description('since which kernel the headers have a name; without names, what is known')
    .argument('[names...]', 'constants, ioctls, structs, or members as struct.member');
  withSources(command)
    .option('--update', "read the headers of Debian's suites, or of the source that is named, and add what they tell")
    .action(async (names: string[], options: SourceOptions & { update?: boolean }) => {
      if (options.update) process.stdout.write(await update(options));
      else process.stdout.write(names.length > 0 ? tell(kvmHistory(), names) : summary(kvmHistory()));
    });
}

async function update(options: SourceOptions): Promise<string> {
  const progress = new TerminalProgress();
  const sources = namesSource(options)
    ? [sourceOf(options)]
    : suites.map((suite): HeaderSource => ({ kind: 'debian', suite, fresh: true }));
  const extended = await extendHistory(kvmHistory(emptyHistory), sources, progress);
  progress.done();
  const changed = writeKvmHistory(extended);
  return `${summary(extended)}${changed ? 'history/kvm.json is written' : 'nothing is new'}\n`;
}

/** Which kernels are known, and of how many names. */
function summary(history: History): string {
  const lines = Object.entries(history.kernels).map(([arch, kernels]) => {
    const own = history.own[arch];
    const count = kinds.map((kind) => Object.keys(own?.[kind] ?? {}).length).reduce((sum, each) => sum + each, 0);
    return `${arch.padEnd(10)} ${`${count}`.padStart(6)} names of its own; Linux ${kernels.join(', ')}`;
  });
  const common = kinds.map((kind) => `${Object.keys(history.common[kind]).length} ${kind}s`).join(', ');
  return `${[...lines, `common to all: ${common}`].join('\n')}\n`;
}

/** One line for each name and kind; architectures that agree share it. */
function tell(history: History, names: readonly string[]): string {
  const lines = names.flatMap((name) => {
    const found = kinds.flatMap((kind) => {
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
    if (found.length === 0) throw new MagicGenError(`no known kernel has '${name}'`);
    return found;
  });
  // A struct inside another is a member of it, too.
  return `${[...new Set(lines)].join('\n')}\n`;
}
