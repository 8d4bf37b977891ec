import type { Command } from 'commander';
import { headersFrom } from '../headers/source.js';
import { findInterfaces } from '../interfaces/interfaces.js';
import { TerminalProgress } from '../progress.js';
import { verifyTargets } from '../verify/targets.js';
import { type SourceOptions, sourceOf, withArchs, withInterfaces, withSources } from './sources.js';

interface VerifyOptions extends SourceOptions {
  arch: string;
  interface: string;
}

/** `magic-gen verify`: has a C compiler check the model. */
export function addVerify(program: Command): void {
  const command = program.command('verify').description('have a C compiler check the model');
  withArchs(withInterfaces(withSources(command), 'all')).action(async (options: VerifyOptions) => {
    const progress = new TerminalProgress();
    const reports = await verifyTargets({
      list: options.arch,
      interfaces: findInterfaces(options.interface),
      headers: async (target) => {
        const headers = await headersFrom(sourceOf(options), target, progress);
        progress.step(`${target.name}: asking a compiler`);
        return headers;
      },
      write: (text) => {
        progress.done();
        process.stdout.write(text);
      },
    });
    if (reports.some(({ mismatches }) => mismatches.length > 0)) process.exitCode = 1;
  });
}
