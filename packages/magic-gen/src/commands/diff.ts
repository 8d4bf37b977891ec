import { type Command, Option } from 'commander';
import { isCompatible } from '../diff/change.js';
import { diffModels } from '../diff/diff.js';
import { formatJson, formatMarkdown, formatText } from '../diff/format.js';
import { MagicGenError } from '../errors.js';
import { sourceNamed } from '../headers/source.js';
import { findInterface, interfaceOf, interfaces } from '../interfaces/interfaces.js';
import type { Model } from '../model/model.js';
import { isModelFile, readModel } from '../model/read.js';
import { TerminalProgress } from '../progress.js';
import { findTarget, targetOf } from '../targets/index.js';
import { reportFailure } from './failure.js';
import { modelsFrom } from './models.js';

interface DiffOptions {
  arch?: string;
  interface?: string;
  markdown?: boolean;
  json?: boolean;
  kernelVersion?: string[];
}

const operand = "a model (dump's JSON), 'system', 'debian:SUITE', a .deb, a kernel tree or a directory of headers";

/** The exit status where the two could not be compared. */
const cannotCompare = 2;

/** `magic-gen diff`: what changed, and whether it breaks programs. The exit status is that of diff. */
export function addDiff(program: Command): void {
  program
    .command('diff')
    .description('show what changed between two models or sets of headers; fail on an incompatible change')
    .argument('<a>', operand)
    .argument('<b>', operand)
    .option(
      '--interface <name>',
      `the interface: ${interfaces.map(({ name }) => name).join(', ')}; a model file states its own`,
    )
    .option('--arch <names>', "architectures, by the kernel's names for them: a,b or all; a model file states its own")
    .option(
      '--kernel-version <releases>',
      'the kernel releases of two directories without linux/version.h: 6.1,6.12',
      (text: string) => text.split(','),
    )
    .addOption(new Option('--markdown', 'print Markdown').conflicts('json'))
    .option('--json', 'print JSON')
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : cannotCompare))
    .action(async (a: string, b: string, options: DiffOptions) => {
      try {
        const diffs = (await pairs(a, b, options)).map(([before, after]) => diffModels(before, after));
        const format = options.json ? formatJson : options.markdown ? formatMarkdown : formatText;
        process.stdout.write(format(diffs));
        if (!diffs.every(isCompatible)) process.exitCode = 1;
      } catch (error) {
        reportFailure(error, cannotCompare);
      }
    });
}

/** The models to compare. Where one operand is a model file, only its architecture; else those of the option. */
async function pairs(a: string, b: string, options: DiffOptions): Promise<[Model, Model][]> {
  const { arch, interface: named, kernelVersion: [versionA, versionB = versionA] = [] } = options;
  const progress = new TerminalProgress();
  const [first, second] = [modelIn(a), modelIn(b)];
  const file = first ?? second;
  const own = file && interfaceOf(file)?.name;
  const other = named ?? own ?? 'kvm';
  for (const model of [first, second]) {
    const found = model && interfaceOf(model)?.name;
    if (found === undefined || found === other) continue;
    throw new MagicGenError(`a model of ${found} cannot be compared with ${other}`);
  }
  if (file && arch !== undefined && findTarget(arch).target.triple !== file.target.triple) {
    throw new MagicGenError(`--arch ${arch}: a model file has one architecture, here ${file.target.triple}`);
  }
  const list = file ? targetOf(file).name : (arch ?? 'x86');
  const load = async (word: string, model: Model | undefined, version?: string): Promise<Map<string, Model>> => {
    if (model) return new Map([[list, model]]);
    const models = await modelsFrom(sourceNamed(word, version || undefined), list, findInterface(other), progress);
    return new Map(models.map(({ target, model }) => [target.name, model]));
  };
  const [before, after] = [await load(a, first, versionA), await load(b, second, versionB)];
  progress.done();
  // With "all", an architecture that only one of the two has did not change: it was added or removed as a whole.
  const common = [...before].flatMap(([name, model]): [Model, Model][] => {
    const counterpart = after.get(name);
    return counterpart ? [[model, counterpart]] : [];
  });
  if (common.length === 0) throw new MagicGenError('the two have no architecture in common');
  return common;
}

function modelIn(word: string): Model | undefined {
  return isModelFile(word) ? readModel(word) : undefined;
}
