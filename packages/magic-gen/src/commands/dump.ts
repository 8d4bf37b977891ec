import type { Command } from 'commander';
import { TerminalProgress } from '../progress.js';
import { findTarget } from '../targets/index.js';
import { modelFrom } from './models.js';
import { type SourceOptions, sourceOf, withArch, withSources } from './sources.js';

/** `magic-gen dump`: the model as JSON. */
export function addDump(program: Command): void {
  const command = program.command('dump').description('print the model as JSON');
  withArch(withSources(command)).action(async (options: SourceOptions & { arch: string }) => {
    const progress = new TerminalProgress();
    const model = await modelFrom(sourceOf(options), findTarget(options.arch), progress);
    progress.done();
    process.stdout.write(`${JSON.stringify(model, null, 2)}\n`);
  });
}
