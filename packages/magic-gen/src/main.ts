#!/usr/bin/env node
import { Command, Option } from 'commander';
import { emit } from './emit/emit.js';
import { committedAbi, compare, describe, replace } from './emit/write.js';
import { MagicGenError } from './errors.js';
import { findHeaders } from './headers/find.js';
import { buildModel } from './model/build.js';
import { findTarget } from './targets/index.js';
import { formatReport } from './verify/report.js';
import { verify } from './verify/verify.js';

interface HeaderOptions {
  headers?: string;
  arch: string;
}

const program = new Command('magic-gen').description("Reads the kernel's headers and says what KVM's interface is.");

function command(name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .option('--headers <dir>', 'a directory of headers, as `make headers_install` fills it')
    .addOption(new Option('--system', "the running system's headers, in /usr/include (default)").conflicts('headers'))
    .option('--arch <name>', "the architecture, by the kernel's name for it", 'x86');
}

command('dump', 'print the model as JSON').action((options: HeaderOptions) => {
  const target = findTarget(options.arch);
  const model = buildModel(findHeaders({ directory: options.headers, target }), target);
  process.stdout.write(`${JSON.stringify(model, null, 2)}\n`);
});

command('gen', 'write the TypeScript of the ABI')
  .option('--out <dir>', "the folder to write; by default the one of this repository's @kvm/core")
  .option('--check', 'write nothing; fail if the folder is not what would be written')
  .action((options: HeaderOptions & { out?: string; check?: boolean }) => {
    const target = findTarget(options.arch);
    const model = buildModel(findHeaders({ directory: options.headers, target }), target);
    const files = emit(model);
    const folder = options.out ?? committedAbi(options.arch);
    const differences = compare(folder, files);
    if (options.check && differences.length > 0) {
      throw new MagicGenError(describe(folder, differences, model.kernel));
    }
    if (differences.length > 0) replace(folder, files);
    const { constants, records, ioctls, foreignIoctls } = model;
    const counts = `${constants.length} constants, ${records.length} structs and unions, ${ioctls.length} ioctls and ${foreignIoctls.length} of other architectures`;
    process.stdout.write(`Linux ${model.kernel}, ${model.arch}: ${counts}; ${differences.length} files changed\n`);
  });

command('verify', 'have a C compiler check the model').action(async (options: HeaderOptions) => {
  const target = findTarget(options.arch);
  const headers = findHeaders({ directory: options.headers, target });
  const report = await verify(buildModel(headers, target), headers);
  process.stdout.write(formatReport(report));
  if (report.mismatches.length > 0) process.exitCode = 1;
});

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof MagicGenError)) throw error;
  process.stderr.write(`magic-gen: ${error.message}\n`);
  process.exitCode = 1;
}
