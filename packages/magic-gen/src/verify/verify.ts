import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HeaderSet } from '../headers/find.js';
import { interfaceOf } from '../interfaces/interfaces.js';
import type { Model } from '../model/model.js';
import { targetOf } from '../targets/index.js';
import { nameAnonymous } from './anonymous.js';
import { askCompiler } from './ask.js';
import { findCompiler, runCompiler } from './compiler.js';
import { findMissing, findWronglySkipped } from './completeness.js';
import { askFunctions, type Call, sampleCalls } from './functions.js';
import { makeProbes, type ProbeKind, type Probes, standIns } from './probes.js';
import { includeLines, type VerifyReport } from './report.js';

/**
 * Has a C compiler compute everything in the model from the same headers, and compares. The compiler's object files are
 * read, not run, so the target may be another machine.
 *
 * @throws MagicGenError where there is no compiler for the target.
 */
export async function verify(model: Model, headers: HeaderSet): Promise<VerifyReport> {
  const compiler = findCompiler(model.target);
  const probes = makeProbes(model);
  const calls = sampleCalls(model.functions);
  const includes = includeLines(model.roots);
  const directory = await mkdtemp(join(tmpdir(), 'magic-gen-'));
  try {
    const ask = (name: string, text: string, numbers: Probes['numbers'], bitfields: Probes['bitfields']) => {
      return askCompiler({ compiler, headers, text, numbers, bitfields, output: join(directory, name) });
    };
    const mismatches = await Promise.all([
      ask('plain.o', includes, probes.numbers, probes.bitfields),
      runCompiler(compiler, headers, includes, ['-E', '-P']).then(({ stdout }) => {
        return ask('named.o', nameAnonymous(stdout), probes.anonymous, []);
      }),
      ask('foreign.o', includes + standIns(model), probes.foreign, []),
      askFunctions(model, calls, headers, compiler, join(directory, 'functions.o')),
      findMissing(model, headers, compiler),
      findWronglySkipped(model, headers, compiler),
    ]);
    const { kernel, target } = model;
    return {
      target: targetOf(model).name,
      triple: target.triple,
      interface: interfaceOf(model)?.name ?? model.roots.join(', '),
      kernel,
      compiler: compiler.version,
      compared: countSubjects(probes, calls),
      numbers: [probes.numbers, probes.foreign, probes.anonymous, probes.bitfields, calls].reduce(
        (sum, { length }) => sum + length,
        0,
      ),
      mismatches: mismatches.flat(),
      unchecked: [...probes.unchecked, ...withoutCalls(model, calls)],
    };
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** C defines no result for any of the arguments that were tried. */
function withoutCalls({ functions }: Model, calls: readonly Call[]): VerifyReport['unchecked'] {
  const called = new Set(calls.map((call) => call.function));
  return functions
    .filter((each) => !called.has(each))
    .map(({ name }) => ({ name, reason: 'no arguments for which C defines it' }));
}

function countSubjects(
  { numbers, foreign, anonymous, bitfields }: Probes,
  calls: readonly Call[],
): Record<ProbeKind, number> {
  const of = (kind: ProbeKind): number => {
    return new Set(
      [...numbers, ...foreign, ...anonymous].filter((probe) => probe.kind === kind).map((probe) => probe.subject),
    ).size;
  };
  return {
    record: of('record'),
    member: of('member'),
    bitfield: bitfields.length,
    constant: of('constant'),
    enum: of('enum'),
    ioctl: of('ioctl'),
    function: new Set(calls.map((call) => call.function)).size,
  };
}
