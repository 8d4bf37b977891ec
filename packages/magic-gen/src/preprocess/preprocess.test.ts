import { describe, expect, it } from 'vitest';
import { preprocess } from './preprocess.js';

/** The text that a root header becomes, with its tokens one space apart. */
function text(root: string, others: Record<string, string> = {}): string {
  return tokens(root, others)
    .map((token) => token.text)
    .join(' ');
}

function tokens(root: string, others: Record<string, string> = {}) {
  return run(root, others).tokens;
}

function run(root: string, others: Record<string, string> = {}) {
  const files: Record<string, string> = { 'root.h': root, ...others };
  return preprocess(['root.h'], '', (name) => {
    const found = files[name];
    return found === undefined ? undefined : { path: `/include/${name}`, text: found };
  });
}

describe('the text', () => {
  it('loses its comments, and a comment separates two tokens', () => {
    expect(text('a/* b */c // d\ne /* f\n g */ h')).toBe('a c e h');
  });

  it('does not see a comment inside a string', () => {
    expect(text('"/* a */" b')).toBe('"/* a */" b');
  });

  it('joins lines that end in a backslash, inside a token too', () => {
    expect(text('ab\\\ncd \\  \n ef')).toBe('abcd ef');
  });

  it('may begin with a byte order mark, and end its lines as any system does', () => {
    const { macros, tokens } = run('\uFEFF#define A 1\r#define B \\\r 2 // no\ra\r\nb\n\rc /* d\re */ f');
    expect([...macros].map(([name, { body }]) => [name, ...body.map((token) => token.text)])).toEqual([
      ['A', '1'],
      ['B', '2'],
    ]);
    expect(tokens.map((token) => [token.text, token.file.line(token.offset)])).toEqual([
      ['a', 4],
      ['b', 5],
      ['c', 7],
      ['f', 8],
    ]);
    expect(() => run('a\r#error here')).toThrow(/^\/include\/root\.h:2:2: #error here\n {4}#error here$/);
  });

  it('knows the line and column of every token, after joined lines and comments too', () => {
    const [, b, c] = tokens('a \\\n  b /*\n\n*/ c');
    expect(b && [b.file.line(b.offset), b.file.locate(b.offset).column]).toEqual([2, 3]);
    expect(c?.file.locate(c.offset)).toMatchObject({ file: '/include/root.h', line: 4, column: 4, text: '*/ c' });
  });

  it('of a macro’s body is at the use, of its arguments where they are written', () => {
    const [first, second] = tokens('#define TWICE(x) z x\n\n  TWICE(\n y)');
    expect(first?.file.line(first.offset)).toBe(3);
    expect(second?.file.line(second.offset)).toBe(4);
  });
});

describe('macros', () => {
  it('are fully expanded, in any order of definition', () => {
    expect(text('#define A B\n#define B C(1)\n#define C(x) [x]\nA')).toBe('[ 1 ]');
  });

  it('stop at their own name, directly and through others', () => {
    expect(text('#define A A + 1\n#define B C\n#define C B\nA B C')).toBe('A + 1 B C');
  });

  it('that take arguments are left alone without them', () => {
    expect(text('#define F(x) <x>\nF F (2) F')).toBe('F < 2 > F');
  });

  it('expand their arguments first, unless they paste or quote them', () => {
    const source = '#define N 1\n#define PASTE(x) x##x\n#define QUOTE(x) #x\n#define SAME(x) x\n';
    expect(text(`${source}PASTE(N) QUOTE(N) SAME(N)`)).toBe('NN "N" 1');
  });

  it('paste nothing where an argument is empty', () => {
    expect(text('#define P(a, b, c) <a##b##c>\nP(,,) P(x,,) P(,y,) P(x,,z)')).toBe('< > < x > < y > < xz >');
  });

  it('quote text as C does, with single spaces and with quotation marks', () => {
    expect(text('#define Q(x) #x\nQ( a   "b\\n" )')).toBe('"a \\"b\\\\n\\""');
  });

  it('take any number of arguments, under the standard name or a GNU one', () => {
    expect(text('#define V(a, ...) [a | __VA_ARGS__]\nV(1, 2, (3, 4))')).toBe('[ 1 | 2 , ( 3 , 4 ) ]');
    expect(text('#define G(a, rest...) [a | rest]\nG(1) G(1, 2, 3)')).toBe('[ 1 | ] [ 1 | 2 , 3 ]');
  });

  it('drop the comma before an empty GNU argument', () => {
    expect(text('#define G(a, rest...) f(a, ## rest)\nG(1) G(1, 2)')).toBe('f ( 1 ) f ( 1 , 2 )');
  });

  it('may be called over several lines', () => {
    expect(text('#define F(a, b) a b\nF(1,\n  2)')).toBe('1 2');
  });

  it('are undefined after #undef, and the last definition counts', () => {
    expect(text('#define A 1\n#undef A\nA\n#define A 2\n#define A 3\nA')).toBe('A 3');
  });

  it('that double endlessly stop the run', () => {
    const doubling = Array.from({ length: 60 }, (_, index) => `#define X${index} X${index + 1} X${index + 1}\n`);
    expect(() => text(`${doubling.join('')}X0`)).toThrow(/grows without end/);
  });
});

describe('conditionals', () => {
  it.each([
    ['1', true],
    ['0', false],
    ['defined A', true],
    ['defined(A) && !defined(B)', true],
    ['A == 2 && B == 0', true],
    ['F(1) == 2', true],
    ['-1 > 0u', true],
    ['(2 || 1 / 0) && 3', true],
    ["'A' == 65 ? 1 : 0", true],
    ['0x7fffffffffffffff > 0', true],
    ['~0 == -1', true],
    ['1 << 40 == 1099511627776', true],
  ])('#if %s is %s', (condition, truth) => {
    expect(text(`#define A 2\n#define F(x) x + 1\n#if ${condition}\nyes\n#else\nno\n#endif`)).toBe(
      truth ? 'yes' : 'no',
    );
  });

  it('take one branch, and evaluate no condition after it', () => {
    expect(text('#if 0\na\n#elif 1\nb\n#elif 1 / 0\nc\n#else\nd\n#endif')).toBe('b');
  });

  it('in skipped text are not evaluated but counted', () => {
    expect(text("#if 0\n#if nonsense here\n#else\n#endif\ndon't\n#error no\n#endif\na")).toBe('a');
  });

  it('guard a header that includes itself', () => {
    const guarded = '#ifndef G\n#define G\n#include "root.h"\na\n#endif';
    expect(text(guarded)).toBe('a');
  });
});

describe('includes', () => {
  it('with quotation marks search beside the header first', () => {
    const others = { 'sub/a.h': '#include "b.h"', 'sub/b.h': 'near', 'b.h': 'far' };
    expect(text('#include <sub/a.h>\n#include "b.h"', others)).toBe('near far');
  });
});

describe('what cannot be processed stops at its place', () => {
  it.each([
    ['an unterminated comment', 'a\n /* b', /root\.h:2:2: the comment/],
    ['an unterminated conditional', '\n#if 1\na', /root\.h:2:2: the #if that opens here has no #endif/],
    ['#endif alone', '#endif', /:1:2: #endif without #if/],
    ['#else twice', '#if 1\n#else\n#else\n#endif', /:3:2: #else after #else/],
    ['a missing header', '#include <no.h>', /:1:10: header <no\.h> is not in the header set/],
    ['a header that includes itself', '#include "root.h"', /endless includes/],
    ['#error', '#error too old', /:1:2: #error too old/],
    ['an unknown directive', '#defin A', /:1:2: unknown directive #defin/],
    ['an empty condition', '#if\n#endif', /needs an expression/],
    ['an incomplete condition', '#if (1\n#endif', /:1:5: not an expression/],
    ['division by zero', '#if 1 / 0\n#endif', /:1:5: division by zero/],
    ['unterminated arguments', '#define F(x) x\nF(1', /:2:1: the arguments of macro F do not end/],
    ['too many arguments', '#define F(x) x\nF(1, 2)', /:2:1: macro F takes 1 arguments, not 2/],
    ['a paste that gives no token', '#define P(a, b) a##b\nP(+, /)', /:2:1: '\+' and '\/' do not paste/],
    ['a quote without a parameter', '#define Q(x) #y', /'#' in macro Q is not before a parameter/],
    ['a change of packing', '#pragma pack(1)', /#pragma pack/],
  ])('%s', (_, source, message) => {
    expect(() => text(source)).toThrow(message);
  });
});
