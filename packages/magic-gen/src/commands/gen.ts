import type { Command } from 'commander';
import { emit } from '../emit/emit.js';
import { committedAbi, compare, describe, replace } from '../emit/write.js';
import { MagicGenError } from '../errors.js';
import { describeMissing, missingFacts, withoutMissing } from '../facts/missing.js';
import { TerminalProgress } from '../progress.js';
import { findTarget } from '../targets/index.js';
import { modelFrom } from './models.js';
import { type SourceOptions, sourceOf, withArch, withSources } from './sources.js';

interface GenOptions extends SourceOptions {
  arch: string;
  out?: string;
  check?: boolean;
  strict?: boolean;
}

/** `magic-gen gen`: the TypeScript of the ABI. */
export function addGen(program: Command): void {
  const command = program.command('gen').description('write the TypeScript of the ABI');
  withArch(withSources(command))
    .option('--out <dir>', "the folder to write; by default the one of this repository's @kvm/core")
    .option('--check', 'write nothing; fail if the folder is not what would be written')
    .option('--strict', 'fail on an ioctl, capability or exit reason that there are no facts about')
    .action(gen);
}

async function gen(options: GenOptions): Promise<void> {
  const progress = new TerminalProgress();
  const model = await modelFrom(sourceOf(options), findTarget(options.arch), progress);
  progress.done();
  const missing = missingFacts(model);
  if (missing.length > 0) {
    if (options.strict) throw new MagicGenError(describeMissing(missing));
    progress.note(describeMissing(missing));
  }
  const files = emit(withoutMissing(model, missing));
  const folder = options.out ?? committedAbi(options.arch);
  const differences = compare(folder, files);
  if (options.check && differences.length > 0) throw new MagicGenError(describe(folder, differences, model.kernel));
  if (differences.length > 0) replace(folder, files);
  const { constants, records, ioctls, foreignIoctls } = model;
  const counts = `${constants.length} constants, ${records.length} structs and unions, ${ioctls.length} ioctls and ${foreignIoctls.length} of other architectures`;
  process.stdout.write(`Linux ${model.kernel}, ${model.arch}: ${counts}; ${differences.length} files changed\n`);
}
