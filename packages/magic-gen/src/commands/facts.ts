import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { MagicGenError } from '../errors.js';
import { findDisagreements } from '../facts/disagreements.js';
import { describeMissing, missingFacts } from '../facts/missing.js';
import { settledBy } from '../facts/settled.js';
import { findInterface } from '../interfaces/interfaces.js';
import type { Model } from '../model/model.js';
import { TerminalProgress } from '../progress.js';
import { modelsFrom } from './models.js';
import { type SourceOptions, sourceOf, withArchs, withSources } from './sources.js';

/** `magic-gen facts`: compares the tables of facts with the headers and with the kernel's API document. */
export function addFacts(program: Command): void {
  const command = program
    .command('facts')
    .description('list names without facts; with a kernel tree, where its API document disagrees with the facts');
  withArchs(withSources(command)).option('--strict', 'fail where facts are missing').action(facts);
}

async function facts(options: SourceOptions & { arch: string; strict?: boolean }): Promise<void> {
  const progress = new TerminalProgress();
  const models = (await modelsFrom(sourceOf(options), options.arch, findInterface('kvm'), progress)).map(
    ({ model }) => model,
  );
  progress.done();
  for (const line of skippedIoctls(models)) process.stdout.write(line);
  const missing = new Map(models.flatMap(missingFacts).map((each) => [each.name, each]));
  const [model] = models;
  if (options.kernel !== undefined && model !== undefined) {
    const found = findDisagreements(readApiDocument(options.kernel), model);
    const lines = found.map((each) => {
      const { line, name, about, document, facts } = each;
      const reason = settledBy(each);
      const why = reason === undefined ? 'not looked into' : `the code decides: ${reason}`;
      return `api.rst:${line}: ${name}: ${about}: the document says ${document}, the facts ${facts} (${why})\n`;
    });
    const open = found.filter((each) => settledBy(each) === undefined).length;
    process.stdout.write(
      `${lines.join('')}${found.length} disagreements with the API document, ${open} not looked into\n`,
    );
  }
  if (missing.size > 0 && options.strict) throw new MagicGenError(describeMissing([...missing.values()]));
  process.stdout.write(missing.size === 0 ? 'facts about every name\n' : `${describeMissing([...missing.values()])}\n`);
}

/** A line for each ioctl that stands in a header which KVM's headers only include. The model has none of these. */
function skippedIoctls(models: readonly Model[]): Set<string> {
  return new Set(
    models.flatMap(({ roots, skipped }) =>
      skipped
        .filter(({ origin }) => !roots.includes(origin.file))
        .map(({ name, reason, origin }) => `${origin.file}:${origin.line}: ${name}: skipped: ${reason}\n`),
    ),
  );
}

function readApiDocument(tree: string): string {
  const path = join(tree, 'Documentation/virt/kvm/api.rst');
  if (!existsSync(path)) throw new MagicGenError(`${tree} has no API document: ${path} does not exist`);
  return readFileSync(path, 'utf8');
}
