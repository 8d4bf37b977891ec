import { readFile } from 'node:fs/promises';
import type { HeaderSet } from '../headers/find.js';
import { compute } from '../model/compute.js';
import type { AbiFunction, Model } from '../model/model.js';
import { type Compiler, linesInError, runCompiler } from './compiler.js';
import { readObject } from './elf.js';
import { includeLines, type Mismatch } from './report.js';

/** One call of a function of the model, with its result. */
export interface Call {
  function: AbiFunction;
  args: readonly bigint[];
  expected: bigint;
}

/**
 * Values at which integer code tends to fail: the least, the greatest, powers of two with their neighbours, and two
 * patterns.
 */
function edgeValues(bits: number): bigint[] {
  const powers = [4, 8, 12, 15, 16, 31, 32, 48, 52, 60, 63]
    .filter((power) => power < bits)
    .map((power) => 1n << BigInt(power));
  const all = [0n, 1n, 2n, 3n, 5n, ...powers, ...powers.map((power) => power - 1n)];
  const greatest = (1n << BigInt(bits)) - 1n;
  return [...all, greatest, greatest - 1n, greatest / 3n, (greatest / 15n) * 6n];
}

/**
 * Calls that try each parameter at every such value, with the others small, large or mixed; only calls that C defines.
 */
export function sampleCalls(functions: readonly AbiFunction[]): Call[] {
  return functions.flatMap((each) => {
    const values = each.parameters.map(({ type }) => edgeValues(type.size * 8));
    const least = values.map(() => 0n);
    const greatest = each.parameters.map(({ type }) => (1n << BigInt(type.size * 8)) - 1n);
    const mixed = values.map((_, index) => BigInt(index + 1));
    const lists = [least, greatest, mixed].flatMap((others) =>
      values.flatMap((choices, index) => choices.map((value) => others.with(index, value))),
    );
    return (lists.length === 0 ? [[]] : lists).flatMap((args) => {
      const expected = compute(each, args);
      return expected === undefined ? [] : [{ function: each, args, expected }];
    });
  });
}

const section = '.magic.functions';

/** Has the compiler compute the calls, and returns where its results differ from the model's. */
export async function askFunctions(
  model: Model,
  calls: readonly Call[],
  headers: HeaderSet,
  compiler: Compiler,
  output: string,
): Promise<Mismatch[]> {
  if (calls.length === 0) return [];
  // A macro may contain statements, which are only allowed in functions. There only the optimizer knows constants, and
  // it can pass them to the assembler: in halves, as 32-bit machines accept no more at once.
  const before = [...includeLines(model.roots).trimEnd().split('\n'), 'void magic_functions(void) {'];
  const lines = calls.map((call, index) => {
    const text = spell(call);
    const value = `((unsigned long long)(${text}))`;
    const sign = `((__typeof__(${text}))-1 < 0)`;
    const words = [`${index}`, `(unsigned)${value}`, `(unsigned)(${value} >> 32)`, `(unsigned)sizeof(${text})`, sign];
    const operands = words.map((word) => `"i"(${word})`).join(', ');
    return `__asm__ volatile(".pushsection ${section}\\n.4byte %c0, %c1, %c2, %c3, %c4\\n.popsection" :: ${operands});`;
  });
  const run = await runCompiler(compiler, headers, [...before, ...lines, '}', ''].join('\n'), [
    '-O2',
    '-c',
    '-o',
    output,
  ]);
  if (!run.ok) {
    const [line, message] = [...linesInError(run)][0] ?? [0, run.stderr.slice(0, 200)];
    const call = calls[line - before.length - 1];
    return [{ subject: call ? spell(call) : 'the functions', aspect: 'value', model: 'present', compiler: message }];
  }
  const { sections, littleEndian } = readObject(await readFile(output));
  const found = new Map<number, Found>();
  const view = sections.get(section);
  for (let at = 0; view && at < view.byteLength; at += 20) {
    const word = (index: number): number => view.getUint32(at + index * 4, littleEndian);
    found.set(word(0), { value: (BigInt(word(2)) << 32n) | BigInt(word(1)), size: word(3), signed: word(4) !== 0 });
  }
  return calls.flatMap((call, index) => compare(call, found.get(index)));
}

interface Found {
  value: bigint;
  size: number;
  signed: boolean;
}

function compare(call: Call, found: Found | undefined): Mismatch[] {
  const { size, signed } = call.function.body.type;
  const expected: Found = { value: BigInt.asUintN(64, call.expected), size, signed };
  return (['value', 'size', 'signed'] as const)
    .filter((aspect) => found?.[aspect] !== expected[aspect])
    .map((aspect) => {
      return { subject: spell(call), aspect, model: `${expected[aspect]}`, compiler: `${found?.[aspect] ?? 'none'}` };
    });
}

function spell({ function: { name, parameters }, args }: Call): string {
  const literals = args.map((value, index) => `${value}${parameters[index]?.type.size === 8 ? 'ULL' : 'U'}`);
  return `${name}(${literals.join(', ')})`;
}
