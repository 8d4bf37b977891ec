import { describe, expect, it } from 'vitest';
import { headerSet, linesBefore } from '../../test/header-set.js';
import { x86 } from '../../test/host.js';
import { MagicGenError } from '../errors.js';
import { buildModel } from './build.js';

/** The error that stops the run, with its place in the text given here. */
function stopped(kvm: string, others: Record<string, string> = {}) {
  try {
    buildModel(headerSet(kvm, others), x86);
  } catch (error) {
    if (!(error instanceof MagicGenError)) throw error;
    const { problem, line, column, text, file } = error;
    return { problem, line: (line ?? 0) - linesBefore, column, text, file };
  }
  return undefined;
}

const doubling = Array.from({ length: 40 }, (_, index) => `#define X${index} X${index + 1} X${index + 1}`).join('\n');
const nested = `#define DEEP ${'('.repeat(5000)}1${')'.repeat(5000)}`;

describe('an error stops the run with its place and the line', () => {
  it.each([
    ['unterminated conditional', '#ifdef A\nint a;', 'the #ifdef that opens here has no #endif', 1, 2],
    ['missing include', '#include <linux/no.h>', 'header <linux/no.h> is not in the header set', 1, 10],
    ['unknown type', 'struct s {\n  u32 a;\n};', "unknown type 'u32'", 2, 3],
    ['unknown enum', 'struct s { enum e a; };', 'enum e is incomplete: its size is not known here', 1, 19],
    [
      'incomplete member',
      'struct t;\nstruct s { struct t a; };',
      'struct t is incomplete: its size is not known here',
      2,
      21,
    ],
    ['struct within itself', 'struct s { struct s a; };', 'struct s is incomplete: its size is not known here', 1, 21],
    ['array size that is not constant', 'struct s { int a[n]; };', 'n is not defined', 1, 18],
    ['negative array size', 'struct s { int a[-1]; };', 'a length of -1', 1, 18],
    ['array beyond any memory', 'struct s { __u64 a[1ULL << 60]; };', '1152921504606846976 is too large', 1, 20],
    [
      'integer overflow in an array size',
      'struct s { int a[0x7fffffff * 2]; };',
      'integer overflow: 4294967294 does not fit int',
      1,
      18,
    ],
    ['integer overflow in a macro', '#define A (1 << 40)', 'a shift by 40 in a type of 32 bits', 1, 12],
    [
      'integer overflow in an enum',
      'enum { A = 0x7fffffff * 2 };',
      'integer overflow: 4294967294 does not fit int',
      1,
      12,
    ],
    ['division by zero', '#define A (1 / 0)', 'division by zero', 1, 12],
    ['division by zero in #if', '#if 1 % 0\n#endif', 'division by zero', 1, 5],
    ['macros that double', `${doubling}\nX0`, 'grows without end', 41, 1],
    ['recursive macro', '#define A (A + 1)', "macro 'A' is recursive: it expands to 'A' again", 1, 9],
    ['macros in a cycle', '#define B C\n#define C (1 + B)', "macro 'B' is recursive: it expands to 'B' again", 1, 9],
    ['recursive macro in a size', '#define A (A + 1)\nstruct s { int a[A]; };', 'A is not defined', 2, 18],
    ['struct defined twice', 'struct s { int a; };\nstruct s { long a; };', 'struct s is defined twice', 2, 1],
    ['struct defined as union', 'struct s { int a; };\nunion s { int a; };', "'s' is defined as something else", 2, 1],
    ['typedef changed', 'typedef int t;\ntypedef long t;', "type 't' is defined twice, differently", 2, 14],
    ['enumerator defined twice', 'enum { A };\nenum { A };', "enumerator 'A' is defined twice", 2, 8],
    ['member declared twice', 'struct s { int a; union { int a; }; };', "member 'a' is declared twice", 1, 19],
    [
      'member that is parsed as a function',
      'struct s {\n  __u8 HINT(a);\n};',
      'this member is parsed as a function',
      2,
      8,
    ],
    ['member that is a type only', 'struct s { int; };', 'this declares no member', 1, 12],
    ['a missing semicolon', 'struct s {\n  int a\n};', "the parser expects ';' here", 2, 7],
    ['what is not C', 'struct s { int a; };\n%', 'the parser cannot read this', 2, 1],
    ['bitfield too wide', 'struct s { __u8 a:9; };', '9 bits do not fit __u8', 1, 19],
    ['bitfield of a pointer', 'struct s { void *a:3; };', 'a bitfield needs an integer type', 1, 20],
    [
      'flexible array before the end',
      'struct s { int a[]; int b; };',
      'a flexible array before the end of a struct',
      1,
      16,
    ],
    [
      'unknown attribute',
      'struct s { int a; } __attribute__((odd));',
      "unknown attribute 'odd': it may change the layout",
      1,
      36,
    ],
    ['alignment that is none', 'struct s { int a; } __attribute__((aligned(3)));', 'an alignment of 3 bytes', 1, 1],
    ['macro over an enumerator', 'enum { A };\n#define A 2', "this macro hides the enumerator 'A'", 2, 9],
    ['keyword as a name', 'struct s { struct { int a; } union; };', "'union' is a keyword", 1, 30],
    ['unterminated quote', "struct s { int a; };\n' ", 'the parser cannot read this', 2, 1],
  ])('%s', (_, kvm, problem, line, column) => {
    const found = stopped(kvm);
    expect(found).toMatchObject({ problem: expect.stringContaining(problem), line, column });
    expect(found?.text).toBe(kvm.split('\n')[line - 1]);
    expect(found?.file).toMatch(/linux\/kvm\.h$/);
  });

  it('circular includes without guards', () => {
    const found = stopped('#include <linux/a.h>', {
      'linux/a.h': '#include <linux/b.h>',
      'linux/b.h': '#include <linux/a.h>',
    });
    expect(found?.problem).toMatch(/endless includes/);
  });

  it('nesting that would overflow a stack', () => {
    expect(stopped(`struct s { int a[DEEP]; };\n${nested}`)).toBeDefined();
    expect(stopped(`${nested}\nstruct s { int a[DEEP]; };`)?.problem).toMatch(/nested deeper than/);
  });

  it('is reported with file, line, column and text in the message', () => {
    const headers = headerSet('struct s { u32 a; };');
    expect(() => buildModel(headers, x86)).toThrow(
      new MagicGenError("unknown type 'u32'", {
        file: `${headers.directories[0]}/linux/kvm.h`,
        line: linesBefore + 1,
        column: 12,
        text: 'struct s { u32 a; };',
      }),
    );
  });
});

describe('what only looks like an error', () => {
  it.each([
    ['a macro that names itself', 'enum { A };\n#define A A\n#define B (A + 1)'],
    ['a guarded header that includes itself', '#ifndef K\n#define K\n#include <linux/kvm.h>\n#endif'],
    ['a macro of another architecture', '#define A _IOR(1, 2, struct elsewhere)'],
    ['a macro whose type nobody defines', '#define A _IOR(1, 2, u64)'],
    ['a typedef said twice alike', 'typedef int t;\ntypedef int t;'],
    ['a function', 'static inline int f(int x) { return x + UNKNOWN; }\nextern int g(struct unknown *);'],
    ['a pointer to an undefined type', 'struct s { struct unknown *p; };'],
    ['division by zero where it is not reached', '#define A (1 ? 2 : 1 / 0)'],
  ])('%s', (_, kvm) => {
    expect(stopped(kvm)).toBeUndefined();
  });
});
