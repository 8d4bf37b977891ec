import { type Command, Option } from 'commander';
import { findInterface } from '../interfaces/interfaces.js';
import { readModel } from '../model/read.js';
import { TerminalProgress } from '../progress.js';
import { type Shown, show } from '../show/show.js';
import { targetOf } from '../targets/index.js';
import { modelsFrom } from './models.js';
import { type SourceOptions, sourceOf, withArchs, withInterface, withSources } from './sources.js';

interface ShowOptions extends SourceOptions {
  arch: string;
  interface: string;
  model?: string[];
}

/** `magic-gen show`: one name, as a table. */
export function addShow(program: Command): void {
  const command = program
    .command('show')
    .description('show a struct, ioctl, constant or function as a table, architectures side by side')
    .argument('<name>', 'as the headers spell it: kvm_run, KVM_GET_REGS, KVM_CAP_XSAVE2');
  withArchs(withInterface(withSources(command)))
    .addOption(
      new Option('--model <files...>', "models to read instead of headers (dump's JSON)").conflicts([
        'headers',
        'system',
        'deb',
        'kernel',
        'debian',
        'kernelVersion',
      ]),
    )
    .action(async (name: string, options: ShowOptions) => {
      process.stdout.write(show(name, await load(options)));
    });
}

async function load(options: ShowOptions): Promise<Shown[]> {
  if (options.model !== undefined) {
    const models = options.model.map(readModel);
    const several = new Set(models.map(({ kernel }) => kernel)).size > 1;
    return models.map((model) => {
      const { name } = targetOf(model);
      return { heading: several ? `${name} ${model.kernel}` : name, model };
    });
  }
  const progress = new TerminalProgress();
  const models = await modelsFrom(sourceOf(options), options.arch, findInterface(options.interface), progress);
  progress.done();
  return models.map(({ target, model }) => ({ heading: target.name, model }));
}
