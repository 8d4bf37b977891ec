import { describe, expect, it } from 'vitest';
import { headerSet } from '../../test/header-set.js';
import { x86 } from '../../test/host.js';
import { buildModel } from './build.js';
import { compute } from './compute.js';

function build(text: string) {
  return buildModel(headerSet(text), x86);
}

/** The only function of a text. */
function only(text: string) {
  const [found, ...more] = build(text).functions;
  if (!found || more.length > 0) throw new Error('not one function');
  return found;
}

/** The parameters and result of a function, as "name: bits, ... -> bits". */
function signature(text: string): string {
  const { parameters, body } = only(text);
  const list = parameters.map(({ name, type }) => `${name}: ${type.size * 8}`).join(', ');
  return `${list} -> ${body.type.signed ? 'signed ' : ''}${body.type.size * 8}`;
}

function reason(text: string): string | undefined {
  return build(text).skipped.at(-1)?.reason;
}

describe('a macro with parameters is a function', () => {
  it('with its name, parameters, text and place', () => {
    expect(only('#define ID(n, size) (0x100 | ((n) & 0xff) | (size) << 4)')).toMatchObject({
      name: 'ID',
      definition: '(0x100 | ((n) & 0xff) | (size) << 4)',
      parameters: [{ name: 'n' }, { name: 'size' }],
      origin: { file: 'linux/kvm.h', line: 3 },
    });
  });

  it.each([
    ['#define F(n) ((n) + 1)', 'n: 32 -> 32'],
    ['#define F(n) ((n) | 1ULL)', 'n: 64 -> 64'],
    ['#define F(n) (1ULL | ((n) & 0xff) << 3)', 'n: 64 -> 64'],
    ['#define F(n) (1ULL << (n))', 'n: 32 -> 64'],
    ['#define F(n) (1U << (((n) & 0xf000000000ULL) >> 36))', 'n: 64 -> 32'],
    ['#define F(a, b) ((__u64)(a) << 8 | !!(b))', 'a: 64, b: 32 -> 64'],
    ['#define F(a, b) ((a) == 5ULL ? (b) : 0)', 'a: 64, b: 32 -> 32'],
    ['#define F(n) ((int)(n))', 'n: 32 -> signed 32'],
    ['#define F(unused) 7', 'unused: 32 -> signed 32'],
  ])('%s: %s', (text, expected) => {
    expect(signature(text)).toBe(expected);
  });

  it('that may call others, paste their names together and pass on all its arguments', () => {
    const { functions, skipped } = build(`
      #define REG_A_SHIFT 4
      #define REG_A_MASK 0xf0
      #define FIELD(x, n) (((x) << REG_ ## n ## _SHIFT) & REG_ ## n ## _MASK)
      #define REG(a, low) (0x100ULL | FIELD(a, A) | (low))
      #define ANY(...) (REG(__VA_ARGS__) | 0x1000)`);
    const any = functions.find(({ name }) => name === 'ANY');
    expect(any?.parameters.map(({ name }) => name)).toEqual(['a', 'low']);
    expect(any && compute(any, [3n, 5n])).toBe(0x1135n);
    expect(skipped).toMatchObject([{ name: 'FIELD', reason: "makes its parameter 'n' part of a name or text" }]);
  });

  it('that may have variables of its own', () => {
    const made = only('#define F(a, b) ({ __u64 t = (a) & 3, u = 1; t -= (t == 3); t = t + u; (t << 6 | (b)); })');
    expect(compute(made, [3n, 1n])).toBe(0xc1n);
    expect(compute(made, [1n, 0n])).toBe(0x80n);
  });

  it('whose constant parts are precomputed', () => {
    expect(only('#define F(x) ((1 << 4) + (sizeof(__u64) == 8 ? (x) : 2) * !!(x))').body).toMatchObject({
      left: { kind: 'constant', value: '16' },
      right: {
        operator: '*',
        left: { kind: 'parameter', index: 0 },
        right: { kind: 'convert', operand: { kind: 'compare', operator: '!=' } },
      },
    });
  });
});

describe('a macro with parameters is skipped, with the reason,', () => {
  it.each([
    ['#define F(x) x', 'stands for its argument, of any type'],
    ['#define F(x)', 'defined as nothing'],
    ['#define F(m) offsetof(struct s, m)', "its parameter 'm' is the name of a member"],
    ['#define F(t) sizeof(t)', "asks for the size of its parameter 't'"],
    ['#define F(t, v) ((t)(v))', "its parameter 't' is a type"],
    ['#define F(n) name_##n', "makes its parameter 'n' part of a name or text"],
    ['#define F(n) (PAGE_SIZE + (n))', 'PAGE_SIZE is not defined'],
    ['#define F(n) "text"', 'a string, not an integer'],
    ['#define F(n) (1 / 0 + n)', 'division by zero'],
    ['#define F(n) struct n', 'not an expression'],
    ['#define F(n) ({ for (;;) n; })', 'a block without a value'],
    ['#define F(n) ({ int i = n; if (i) i = 2; i; })', 'a statement other than an assignment: if statement'],
    ['#define F(n) ((__uint128_t)(n))', 'computes in __uint128_t'],
    ['#define F(...) (0 + G(__VA_ARGS__))', 'takes any number of arguments'],
    ['#define F(n) ((n) + F(n))', 'not an integer expression: call expression'],
  ])('%s: %s', (text, expected) => {
    expect(reason(`struct s { int a; };\n${text}`)).toBe(expected);
  });

  it('rather than grow without end', () => {
    const doubling = Array.from({ length: 40 }, () => 'a = a + a;').join(' ');
    expect(reason(`#define F(x) ({ int a = x; ${doubling} a; })`)).toBe("the value of 'a' grows too large");
  });
});

describe('what C leaves undefined', () => {
  it.each([
    ['#define F(n) (1 << (n))', 32n],
    ['#define F(n) (8 / (n))', 0n],
    ['#define F(n) ((int)(n) + 1)', 0x7fffffffn],
  ])('%s of %s has no value', (text, argument) => {
    expect(compute(only(text), [argument])).toBeUndefined();
    expect(compute(only(text), [3n])).toBeDefined();
  });

  it('is ignored where it is not used', () => {
    expect(compute(only('#define F(n) ((n) ? 8 / (n) : 0)'), [0n])).toBe(0n);
    expect(compute(only('#define F(n) ((n) && 8 / (n))'), [0n])).toBe(0n);
  });
});
