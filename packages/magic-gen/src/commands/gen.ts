import { type Command, Option } from 'commander';
import { changed, describeDifferences, foldersOf } from '../committed/folders.js';
import { committedModels, type Models } from '../committed/models.js';
import { type Folders, replaceAll } from '../committed/write.js';
import { emit } from '../emit/emit.js';
import { anywhere } from '../emit/output.js';
import { MagicGenError } from '../errors.js';
import { describeMissing, missingFacts, withoutMissing } from '../facts/missing.js';
import type { HeaderSource } from '../headers/source.js';
import {
  findInterface,
  findInterfaces,
  type Interface,
  interfaceOf,
  interfaces,
  targetsOf,
} from '../interfaces/interfaces.js';
import type { Model } from '../model/model.js';
import { type Progress, TerminalProgress } from '../progress.js';
import { findTarget } from '../targets/index.js';
import { modelFrom } from './models.js';
import { namesSource, type SourceOptions, sourceOf, withSources } from './sources.js';

const names = interfaces.map(({ name }) => name).join(', ');

interface GenOptions extends SourceOptions {
  interface?: string;
  arch?: string;
  out?: string;
  check?: boolean;
  sameKernel?: boolean;
  strict?: boolean;
}

/** `magic-gen gen`: writes the TypeScript of the ABI. */
export function addGen(program: Command): void {
  const command = program
    .command('gen')
    .description(
      "write the TypeScript of the ABI: this repository's, from its committed models, which a named source of " +
        'headers updates first; or, with --out, that of one architecture from headers',
    );
  withSources(command)
    .option('--out <dir>', 'a folder for the TypeScript of one architecture')
    .option('--arch <name>', 'the architecture for --out (default: x86)')
    .option('--interface <names>', `interfaces: a,b or all; one with --out, where kvm is the default (all: ${names})`)
    .option('--check', 'write nothing; fail if something would change')
    .addOption(
      new Option(
        '--same-kernel',
        'with --check: skip headers of another kernel than that of the committed models',
      ).conflicts('out'),
    )
    .option('--strict', 'fail on an ioctl, capability or exit reason without facts')
    .action(gen);
}

async function gen(options: GenOptions): Promise<void> {
  if (options.out === undefined && options.arch !== undefined) {
    throw new MagicGenError("--arch goes with --out: the repository's architectures are always written together");
  }
  const progress = new TerminalProgress();
  const work = options.out === undefined ? await repository(options, progress) : await folder(options, progress);
  progress.done();
  if (work === undefined) return;
  const wrong = describeDifferences(work.folders);
  if (options.check && wrong.length > 0) {
    throw new MagicGenError(`not what the ${work.from} say; run \`pnpm gen\`:\n    ${wrong.join('\n    ')}`);
  }
  replaceAll(changed(work.folders));
  process.stdout.write(`${work.models.map(summary).join('\n')}\n${wrong.length} folders changed\n`);
}

interface Work {
  folders: Folders;
  models: readonly Model[];
  /** The source that the folders must agree with, for messages. */
  from: 'headers' | 'committed models';
}

/** One architecture, written to a folder of the user's choice. */
async function folder(options: GenOptions, progress: Progress): Promise<Work> {
  const each = findInterface(options.interface ?? 'kvm');
  const model = await modelFrom(sourceOf(options), findTarget(options.arch ?? 'x86'), each, progress);
  const files = emit(withFacts(model, options, progress), anywhere);
  return { folders: new Map([[options.out ?? '', files]]), models: [model], from: 'headers' };
}

/** Everything that this repository commits; undefined where there is nothing to compare. */
async function repository(options: GenOptions, progress: Progress): Promise<Work | undefined> {
  const source = namesSource(options) ? sourceOf(options) : undefined;
  const all = new Map<string, ReadonlyMap<string, string>>();
  const models: Model[] = [];
  for (const each of findInterfaces(options.interface ?? 'all')) {
    const current = source === undefined ? committedModels(each) : await readAll(each, source, progress);
    if (options.sameKernel && isOtherKernel(each, current)) return undefined;
    const folders = foldersOf(each, current, (model) => withFacts(model, options, progress));
    for (const [path, files] of folders) all.set(path, files);
    models.push(...current.values());
  }
  return { folders: all, models, from: source === undefined ? 'committed models' : 'headers' };
}

/** The models of every architecture. A source that lacks one is refused: its files could not be updated. */
async function readAll(each: Interface, source: HeaderSource, progress: Progress): Promise<Models> {
  const models = new Map<string, Model>();
  for (const target of targetsOf(each)) models.set(target.name, await modelFrom(source, target, each, progress));
  return models;
}

function isOtherKernel(each: Interface, current: Models): boolean {
  const kernel = (models: Models): string | undefined => [...models.values()][0]?.kernel;
  const [committed, read] = [kernel(committedModels(each)), kernel(current)];
  if (committed === read) return false;
  process.stdout.write(`not compared: the headers are of Linux ${read}, the committed models of ${committed}\n`);
  return true;
}

function withFacts(model: Model, { strict }: GenOptions, progress: Progress): Model {
  const missing = missingFacts(model);
  if (missing.length === 0) return model;
  if (strict) throw new MagicGenError(describeMissing(missing));
  progress.note(describeMissing(missing));
  return withoutMissing(model, missing);
}

function summary({ kernel, arch, roots, constants, records, ioctls, foreignIoctls }: Model): string {
  const here = `${constants.length} constants, ${records.length} structs and unions, ${ioctls.length} ioctls`;
  const counts = `${here} and ${foreignIoctls.length} of other architectures`;
  return `Linux ${kernel}, ${interfaceOf({ roots })?.name}, ${arch}: ${counts}`;
}
