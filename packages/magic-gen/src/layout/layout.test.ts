import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headerSet } from '../../test/header-set.js';
import { noCompilerFor, titled, x86 } from '../../test/host.js';
import { buildModel } from '../model/build.js';
import { targets } from '../targets/index.js';
import { verify } from '../verify/verify.js';

/** Size, alignment and offsets of a struct; for a bitfield, the bits that it takes. */
function layout(declaration: string) {
  const model = buildModel(headerSet(declaration), x86);
  const record = model.records.find((each) => each.name === 's');
  const members = record?.members.map(({ name, offset, bits }) => {
    return [name, bits ? `${bits.offset}+${bits.width}` : offset];
  });
  return { size: record?.size, align: record?.align, ...Object.fromEntries(members ?? []) };
}

describe('a struct', () => {
  it('places each member at a multiple of its alignment and ends at one of its own', () => {
    expect(layout('struct s { __u8 a; __u32 b; __u8 c; __u64 d; __u16 e; };')).toEqual({
      ...{ size: 32, align: 8 },
      ...{ a: 0, b: 4, c: 8, d: 16, e: 24 },
    });
  });

  it('may be empty, and then has size 0', () => {
    expect(layout('struct s { };')).toEqual({ size: 0, align: 1 });
  });

  it('includes a flexible array in its alignment, not its size', () => {
    expect(layout('struct s { __u8 a; __u32 b[]; };')).toEqual({ size: 4, align: 4, a: 0, b: 4 });
  });

  it('knows arrays of arrays, of pointers, and pointers to arrays', () => {
    expect(layout('struct s { __u8 a[2][3]; void *b[2]; int (*c)[4]; void (*d)(int); };')).toEqual({
      ...{ size: 40, align: 8 },
      ...{ a: 0, b: 8, c: 24, d: 32 },
    });
  });

  it('aligns 128-bit integers to 16 bytes', () => {
    expect(layout('struct s { __u8 a; __uint128_t b; unsigned __int128 c; };')).toMatchObject({
      b: 16,
      c: 32,
      size: 48,
    });
  });
});

describe('bitfields', () => {
  it('share a unit of their type, and begin a new one where they do not fit', () => {
    expect(layout('struct s { __u8 a:3, b:4; __u8 c:2; __u32 d:20; __u32 e:8; };')).toEqual({
      ...{ size: 8, align: 4 },
      ...{ a: '0+3', b: '3+4', c: '8+2', d: '10+20', e: '32+8' },
    });
  });

  it('without a name occupy their place, and do not raise the alignment', () => {
    expect(layout('struct s { __u8 a:1; __u32 :7; __u8 b; };')).toMatchObject({ size: 2, align: 1, b: 1 });
    expect(layout('struct s { __u64 a:6, :58; };')).toMatchObject({ size: 8, a: '0+6', null: '6+58' });
  });

  it('of zero width close the unit', () => {
    expect(layout('struct s { __u8 a:1; __u32 :0; __u8 b:1; };')).toMatchObject({ b: '32+1', size: 5 });
  });

  it('in a packed struct may cross the end of a unit', () => {
    expect(layout('struct s { __u32 a:20; __u32 b:20; } __attribute__((packed));')).toMatchObject({
      b: '20+20',
      size: 5,
    });
  });
});

describe('attributes', () => {
  it.each([
    ['packed after the brace', 'struct s { __u8 a; __u32 b; } __attribute__((packed));', { size: 5, align: 1, b: 1 }],
    [
      'packed before the tag',
      'struct __attribute__((__packed__)) s { __u8 a; __u32 b; };',
      { size: 5, align: 1, b: 1 },
    ],
    ['packed on a member', 'struct s { __u8 a; __u32 b __attribute__((packed)); };', { size: 5, align: 1, b: 1 }],
    ['aligned on a struct', 'struct s { __u8 a; } __attribute__((aligned(16)));', { size: 16, align: 16 }],
    ['aligned on a member', 'struct s { __u8 a, b __attribute__((aligned(8))), c; };', { b: 8, c: 9, align: 8 }],
    ['aligned before a declarator', 'struct s { __u8 a, __attribute__((aligned(4))) b; };', { b: 4 }],
    ['aligned among specifiers', 'struct s { __u8 x; __u8 __attribute__((aligned(2))) a, b; };', { a: 2, b: 4 }],
    ['aligned without a number', 'struct s { __u8 a; } __attribute__((aligned));', { size: 16, align: 16 }],
    [
      'aligned by a typedef, upwards',
      'typedef __u8 t __attribute__((aligned(8))); struct s { __u8 a; t b; };',
      { b: 8 },
    ],
    [
      'aligned by a typedef, downwards',
      'typedef __u64 t __attribute__((aligned(4))); struct s { __u8 a; t b; };',
      { b: 4 },
    ],
    [
      'aligned in a packed struct',
      'struct s { __u8 a; __u32 b __attribute__((aligned(2))); } __attribute__((packed));',
      { b: 2 },
    ],
    [
      'both at once',
      'struct s { __u8 a; __u64 b; } __attribute__((packed, aligned(4)));',
      { size: 12, align: 4, b: 1 },
    ],
    ['for the checker only', 'struct s { __u8 n; __u32 b[4] __attribute__((counted_by(n))); };', { b: 4 }],
  ])('%s', (_, declaration, expected) => {
    expect(layout(declaration)).toMatchObject(expected);
  });

  it('that are unknown stop the run, because they may change the layout', () => {
    const declaration = 'struct s { __u8 a; } __attribute__((scalar_storage_order("big-endian")));';
    expect(() => layout(declaration)).toThrow(/unknown attribute 'scalar_storage_order'/);
  });
});

describe.each(targets)('a compiler for $name agrees', (target) => {
  const reason = noCompilerFor(target);
  // Each '@' becomes a unique name.
  const scalar = fc.constantFrom(
    '__u8',
    '__s16',
    '__u32',
    '__u64',
    'char',
    'long',
    'unsigned int',
    target.target.int128Align === null ? '__u64' : '__uint128_t',
    'enum e',
  );
  const attribute = fc
    .constantFrom('', '', '', 'packed', 'aligned(2)', 'aligned(16)', 'packed, aligned(4)')
    .map((list) => {
      return list && `__attribute__((${list}))`;
    });
  const plain = fc
    .tuple(scalar, fc.constantFrom('', '', '[3]', '[2][2]', '[0]'), attribute)
    .map(([type, array, attributes]) => `${type} @${array} ${attributes};`);
  const unit = fc.constantFrom<[string, number]>(
    ['__u8', 8],
    ['__u16', 16],
    ['__u32', 32],
    ['__s64', 64],
    ['enum e', 32],
  );
  // Without attributes: gcc and clang disagree on `aligned` on a bitfield.
  const bits = fc.tuple(unit, fc.nat(), fc.boolean()).map(([[type, most], pick, named]) => {
    const width = pick % (most + 1);
    return `${type} ${named && width > 0 ? '@' : ''}:${width};`;
  });
  const pointer = fc.constantFrom('void *@;', '__u8 **@;', 'int (*@)(int);');
  const kind = fc.constantFrom('struct', 'union');
  const { body } = fc.letrec<{ body: string; member: string }>((tie) => ({
    body: fc.array(tie('member'), { maxLength: 5 }).map((members) => `{ ${members.join(' ')} }`),
    member: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      fc.oneof({ weight: 3, arbitrary: plain }, { weight: 2, arbitrary: bits }, { weight: 1, arbitrary: pointer }),
      fc.tuple(kind, tie('body'), attribute).map(([word, inner, attributes]) => `${word} ${inner} ${attributes} @;`),

      fc.tuple(kind, tie('body'), attribute).map(([word, inner, attributes]) => `${word} ${inner} ${attributes};`),
    ),
  }));
  const record = fc.tuple(kind, body, attribute).map(([word, inner, attributes]) => {
    let names = 0;
    return `${word} TAG ${inner} ${attributes};`.replace(/@/g, () => `m${names++}`);
  });

  it.skipIf(reason)(titled('on every size, alignment, offset and bit of any struct', reason), async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 80, maxLength: 80 }), async (records) => {
        const declarations = records.map((text, index) => text.replace('TAG', `s${index}`));
        const headers = headerSet(['enum e { A, B, C };', ...declarations].join('\n'));
        const report = await verify(buildModel(headers, target), headers);
        // With its text, because shrinking a case this large is not worth it.
        const differing = report.mismatches.map((mismatch) => ({
          ...mismatch,
          text: declarations[Number(/^s(\d+)/.exec(mismatch.subject)?.[1])],
        }));
        expect(differing).toEqual([]);
        expect(report.compared.record).toBeGreaterThanOrEqual(80);
      }),
      { numRuns: target === x86 ? 4 : 2, endOnFailure: true },
    );
  });
});
