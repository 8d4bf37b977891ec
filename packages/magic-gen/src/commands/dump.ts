import type { Command } from 'commander';
import { findInterface } from '../interfaces/interfaces.js';
import { TerminalProgress } from '../progress.js';
import { findTarget } from '../targets/index.js';
import { modelFrom } from './models.js';
import { type SourceOptions, sourceOf, withArch, withInterface, withSources } from './sources.js';

interface DumpOptions extends SourceOptions {
  arch: string;
  interface: string;
}

/** `magic-gen dump`: the model as JSON. */
export function addDump(program: Command): void {
  const command = program.command('dump').description('print the model as JSON');
  withArch(withInterface(withSources(command))).action(async (options: DumpOptions) => {
    const progress = new TerminalProgress();
    const model = await modelFrom(
      sourceOf(options),
      findTarget(options.arch),
      findInterface(options.interface),
      progress,
    );
    progress.done();
    process.stdout.write(`${JSON.stringify(model, null, 2)}\n`);
  });
}
