import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headerSet } from '../../test/header-set.js';
import { noCompiler, titled, x86 } from '../../test/host.js';
import { MagicGenError } from '../errors.js';
import { buildModel } from '../model/build.js';
import { verify } from '../verify/verify.js';

function constant(expression: string, before = '') {
  const model = buildModel(headerSet(`${before}\n#define X ${expression}`), x86);
  const found = model.constants.find((each) => each.name === 'X');
  return found && { value: found.value, ...found.type };
}

const int = { size: 4, signed: true, longLong: false };

describe('an integer constant', () => {
  it.each([
    ['1', '1', int],
    ['0x7fffffff', '2147483647', int],
    ['0xffffffff', '4294967295', { ...int, signed: false }],
    ['4294967295', '4294967295', { ...int, size: 8 }],
    ['017', '15', int],
    ['1u', '1', { ...int, signed: false }],
    ['1UL', '1', { size: 8, signed: false, longLong: false }],
    ['0xff00000000000000ULL', '18374686479671623680', { size: 8, signed: false, longLong: true }],
    ['1LL', '1', { size: 8, signed: true, longLong: true }],
    ["'A'", '65', int],
    ["'\\n'", '10', int],
    ["'\\377'", '-1', int],
  ])('%s has the value and type that C gives it', (expression, value, type) => {
    expect(constant(expression)).toEqual({ value, ...type });
  });
});

describe('an expression', () => {
  it.each([
    ['(1 << 31)', '-2147483648'],
    ['-1 / 2', '0'],
    ['-7 % 3', '-1'],
    ['~0u', '4294967295'],
    ['-1 < 0u', '0'],
    ['0 ? 1 / 0 : 2', '2'],
    ['0 && 1 / 0', '0'],
    ['(__u8)300', '44'],
    ['(__u8)(-1)', '255'],
    ['(__s8)-1', '-1'],
    ['(__u32)-1 / 2', '2147483647'],
    ['sizeof(__u64) * 8', '64'],
    ['sizeof(struct s)', '16'],
    ['sizeof(struct s *)', '8'],
    ['sizeof(1ULL)', '8'],
    ['_Alignof(struct s)', '8'],
    ['offsetof(struct s, b)', '8'],
    ['offsetof(struct t, c.b)', '16'],
    ['offsetof(struct t, c.b) + offsetof(struct t, c . a)', '24'],
    ['offsetof(struct t, d.e)', '28'],
    ['E + 1', '6'],
  ])('%s is %s', (expression, value) => {
    const before =
      'struct s { __u8 a; __u64 b; }; enum { E = 5 };' +
      'struct t { __u8 f; struct s c; struct { struct { __u32 g; __u32 e; } d; }; };';
    expect(constant(expression, before)?.value).toBe(value);
  });

  it('has the type of a cast, and is long long where a 64-bit typedef makes it so', () => {
    expect(constant('(__u64)1')).toEqual({ value: '1', size: 8, signed: false, longLong: true });
    expect(constant('(__u16)1')).toEqual({ value: '1', size: 2, signed: false, longLong: false });
    expect(constant('sizeof(int)')).toEqual({ value: '4', size: 8, signed: false, longLong: false });
  });
});

describe('what C leaves undefined stops the run', () => {
  it.each([
    ['1 / 0', /division by zero/],
    ['1 % 0', /division by zero/],
    ['0x7fffffff + 1', /integer overflow: 2147483648 does not fit int/],
    ['-2147483647 - 2', /integer overflow/],
    ['1 << 32', /a shift by 32 in a type of 32 bits/],
    ['1 << -1', /a shift by -1/],
    ['7 << 30', /integer overflow/],
    ['99999999999999999999', /fits no integer type/],
  ])('%s', (expression, message) => {
    expect(() => constant(expression)).toThrow(message);
  });
});

describe.skipIf(noCompiler)(titled('a compiler agrees', noCompiler), () => {
  const literal = fc
    .tuple(
      fc.oneof(
        fc.nat(40),
        fc.bigInt(0n, 0xffffffffffffffffn).map((value) => `0x${value.toString(16)}`),
      ),
      fc.constantFrom('', '', 'u', 'L', 'UL', 'LL', 'ULL'),
    )
    .map(([value, suffix]) => `${value}${suffix}`);
  const { expression } = fc.letrec<{ expression: string }>((tie) => ({
    expression: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      fc.oneof(literal, fc.constantFrom("'a'", 'sizeof(__u16)', 'sizeof(struct s)', 'E0', 'E1')),
      fc
        .tuple(
          tie('expression'),
          fc.constantFrom('+', '-', '*', '/', '%', '&', '|', '^', '<<', '>>', '<', '==', '>=', '&&', '||'),
          tie('expression'),
        )
        .map(([left, operator, right]) => `(${left} ${operator} ${right})`),
      fc
        .tuple(
          fc.constantFrom('-', '~', '!', '+', '(__u8)', '(__s32)', '(__u64)', '(unsigned long)'),
          tie('expression'),
        )
        .map(([operator, operand]) => `${operator}${operand}`),
      fc
        .tuple(tie('expression'), tie('expression'), tie('expression'))
        .map(([condition, yes, no]) => `(${condition} ? ${yes} : ${no})`),
    ),
  }));
  const before = 'struct s { __u8 a; __u64 b; };\nenum { E0 = -3, E1 = 7 };';

  it('on the value and type of any valid expression', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(expression, { minLength: 200, maxLength: 200 }), async (expressions) => {
        const sound = expressions.filter((each) => {
          try {
            return constant(each, before) !== undefined;
          } catch (error) {
            if (error instanceof MagicGenError) return false;
            throw error;
          }
        });
        const headers = headerSet([before, ...sound.map((each, index) => `#define X${index} ${each}`)].join('\n'));
        const report = await verify(buildModel(headers, x86), headers);
        expect(report.mismatches).toEqual([]);
        expect(report.compared.constant).toBeGreaterThan(sound.length);
      }),
      { numRuns: 3 },
    );
  });
});
