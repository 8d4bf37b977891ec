import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { folderForTest } from '../../test/folder.js';
import { headerSet } from '../../test/header-set.js';
import { noCompiler, realHeaders, titled, x86 } from '../../test/host.js';
import { buildModel } from '../model/build.js';
import type { Model } from '../model/model.js';
import { targets } from '../targets/index.js';
import { sampleCalls } from '../verify/functions.js';
import { verify } from '../verify/verify.js';
import { emitFunctions } from './functions.js';

type Emitted = Record<string, (...args: (number | bigint)[]) => number | bigint>;

/** As in @kvm/core, except for the class of error. */
const checks = `
  const check = (value: number | bigint, low: number | bigint, high: number | bigint, where: string) => {
    const isFraction = typeof value === 'number' && !Number.isInteger(value);
    if (value < low || value > high || isFraction) throw new RangeError(where);
    if (typeof value !== typeof low) throw new TypeError(where);
  };
  export function integer(value: number, low: number, high: number, where: string): number {
    check(value, low, high, where);
    return value;
  }
  export function bigInteger(value: bigint, low: bigint, high: bigint, where: string): bigint {
    check(value, low, high, where);
    return value;
  }
  export const u32 = (value: number, where: string) => integer(value, 0, 2 ** 32 - 1, where);
  export const u64 = (value: bigint, where: string) => bigInteger(value, 0n, 2n ** 64n - 1n, where);
`;

async function load(model: Model): Promise<Emitted> {
  const emitted = 'abi/target/functions.ts';
  const folder = folderForTest({ 'struct/check.ts': checks, [emitted]: emitFunctions(model) });
  return (await import(join(folder, emitted))) as Emitted;
}

/** Where the results of emitted functions differ from the model, for many calls. */
async function differences(model: Model): Promise<unknown[]> {
  const emitted = await load(model);
  return sampleCalls(model.functions).flatMap(({ function: { name, parameters, body }, args, expected }) => {
    const given = args.map((value, index) => (parameters[index]?.type.size === 8 ? value : Number(value)));
    const wanted = body.type.size === 8 ? expected : Number(expected);
    const found = emitted[name]?.(...given);
    return found === wanted ? [] : [{ name, args, wanted, found }];
  });
}

function build(text: string): Model {
  return buildModel(headerSet(text), x86);
}

describe('an emitted function', () => {
  const text = `
    #define REG(n, i) (0x6080000000150000ULL | (((n) & 31) << 5) | ((i) & 31))
    #define SIZE(id) (1U << (((id) & 0x00f0000000000000ULL) >> 52))
    #define SUM(__n, MASK) ((__n) + (MASK) * 3)
    #define CLASS(new) ((new) / 2)
    #define BY(n, d) ((n) % (d))
    #define SHIFTED(n) (1ULL << (n))`;

  it('takes numbers and bigints for 64 bits, numbers for 32, and returns the same', async () => {
    const { REG, SIZE, SUM } = await load(build(text));
    expect(REG?.(3, 1n)).toBe(0x6080000000150061n);
    expect(SIZE?.(0x0030000000000000n)).toBe(8);
    expect(SUM?.(4, 0xffffffff)).toBe(1);
  });

  it('has a comment with the macro’s origin, and the parameters’ names in TypeScript’s case', () => {
    const emitted = emitFunctions(build(text));
    expect(emitted).toContain(
      '/** `SUM(__n, MASK)`, linux/kvm.h. */\nexport function SUM(n: number, mask: number): number {',
    );
    expect(emitted).toContain('export function CLASS(newValue: number): number {');
  });

  it.each([
    ['REG', [-1, 0]],
    ['REG', [1n << 64n, 0]],
    ['REG', [0.5, 0]],
    ['SUM', [1n, 0]],
    ['SUM', [2 ** 32, 0]],
    ['BY', [5, 0]],
    ['SHIFTED', [64]],
  ] satisfies [string, (number | bigint)[]][])('%s refuses %s', async (name, args) => {
    const emitted = await load(build(text));
    expect(() => emitted[name]?.(...args)).toThrow(new RegExp(`^${name}: `));
  });

  it('agrees with the model', async () => {
    expect(await differences(build(text))).toEqual([]);
  });
});

describe.each(targets)('the functions of the real headers for $name', (target) => {
  const sets = realHeaders(target);

  it.skipIf(sets.length === 0)(
    titled('agree with the model', sets.length === 0 ? 'no headers' : undefined),
    async () => {
      for (const headers of sets) {
        const model = buildModel(headers, target);
        expect(model.functions.length).toBeGreaterThan(0);
        expect(await differences(model)).toEqual([]);
      }
    },
  );
});

describe.skipIf(noCompiler)(titled('a macro of any operators', noCompiler), () => {
  const constant = fc.constantFrom(
    '0',
    '1',
    '3',
    '7',
    '31',
    '0xff',
    '0x80000000',
    '5U',
    '0xffULL',
    '1ULL',
    '0xfff0000000ULL',
  );
  const leaf = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom('(a)', '(b)', '(c)') },
    { weight: 2, arbitrary: constant },
  );
  const { tree } = fc.letrec<{ tree: string }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4, depthSize: 'medium' },
      leaf,
      fc
        .tuple(tie('tree'), fc.constantFrom('+', '-', '*', '&', '|', '^', '==', '<', '>=', '&&', '||'), tie('tree'))
        .map(([left, operator, right]) => `(${left} ${operator} ${right})`),
      fc
        .tuple(tie('tree'), fc.constantFrom('<<', '>>'), fc.constantFrom('0', '1', '4', '31', '((b) & 15)'))
        .map(([left, operator, right]) => `(${left} ${operator} ${right})`),
      fc
        .tuple(tie('tree'), fc.constantFrom('/', '%'), fc.constantFrom('2', '7U', '64', '10ULL'))
        .map(([left, operator, right]) => `(${left} ${operator} ${right})`),
      fc.tuple(tie('tree'), tie('tree'), tie('tree')).map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
      fc
        .tuple(
          fc.constantFrom('~', '!', '-', '(__u64)', '(__u32)', '(__u16)', '(int)', '(__s64)', '(__s8)'),
          tie('tree'),
        )
        .map(([operator, inner]) => `(${operator}${inner})`),
    ),
  }));

  it('is the same function to the compiler, the model and TypeScript', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(tree, { minLength: 12, maxLength: 12 }), async (bodies) => {
        const headers = headerSet(bodies.map((body, index) => `#define F${index}(a, b, c) (${body})`).join('\n'));
        const model = buildModel(headers, x86);
        const report = await verify(model, headers);
        expect(report.mismatches).toEqual([]);
        expect(await differences(model)).toEqual([]);
        expect(model.functions.length).toBeGreaterThan(6);
      }),
      { numRuns: 8, endOnFailure: true },
    );
  });
});
