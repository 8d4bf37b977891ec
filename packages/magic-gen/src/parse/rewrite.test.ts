import { describe, expect, it } from 'vitest';
import { SourceFile } from '../preprocess/source.js';
import { tokenize } from '../preprocess/tokens.js';
import { parseDeclarations } from './parse.js';
import { rewrite } from './rewrite.js';

function rewritten(text: string) {
  return rewrite(tokenize(new SourceFile('/a.h', 'a.h', text)).flat());
}

describe('what the grammar cannot read is rewritten', () => {
  it.each([
    ['an unnamed bitfield', 'struct s { __u64 : 58; };', 'struct s { __u64 __magic_gen_unnamed : 58 ; } ;'],
    ['one after a named one', 'struct s { int a:3, :5; };', 'struct s { int a : 3 , __magic_gen_unnamed : 5 ; } ;'],
    ['one of an enum', 'struct s { enum e : 2; };', 'struct s { enum e __magic_gen_unnamed : 2 ; } ;'],
    ['a GNU keyword', 'typedef __signed__ char __s8;', 'typedef signed char __s8 ;'],
    ['an attribute', 'typedef int t __attribute__((aligned(8)));', 'typedef int t ;'],
    ['an attribute among specifiers', 'typedef int __attribute__((aligned(8))) t;', 'typedef int t ;'],
    [
      "a function's body",
      'static inline int f(int x) { if (x) { return 1; } return 2; }',
      'static inline int f ( int x ) ;',
    ],
    [
      "a function's body with a cast in it",
      'typedef int t; static int f(int x) { return (t)(x); } struct s { t a; };',
      'typedef int t ; static int f ( int x ) ; struct s { t a ; } ;',
    ],
    ['a cast that parses as a call', 'typedef int t; int x[(t)(1)];', 'typedef int t ; int x [ ( t const ) ( 1 ) ] ;'],
    [
      'a cast that parses as a difference',
      'typedef int t, u; int x[(u)-1];',
      'typedef int t , u ; int x [ ( u const ) - 1 ] ;',
    ],
  ])('%s', (_, text, expected) => {
    const code = rewritten(text);
    expect(code.text).toBe(expected);
    expect(() => parseDeclarations(code)).not.toThrow();
  });
});

describe('what it can read is unchanged', () => {
  it.each([
    'struct s { int a : 3 , b : 4 ; __u8 c : 1 ; } ;',
    'enum e { A , B = 1 ? 2 : 3 } ;',
    'struct s { struct { int a ; } b ; union { int c ; } ; } ;',
    'typedef void ( * f ) ( int ) ;',
  ])('%s', (text) => {
    expect(rewritten(text).text).toBe(text);
  });
});

describe('an attribute', () => {
  it('is kept with its original place', () => {
    const code = rewritten('struct s { int a __attribute__((aligned(8))); } __attribute__((packed));');
    const places = code.attributes.map(({ after, before, tokens }) => {
      return [code.text.slice(0, after), code.text.slice(before), tokens.map((token) => token.text).join('')];
    });
    expect(places).toEqual([
      ['struct s { int a', '; } ;', 'aligned(8)'],
      ['struct s { int a ; }', ';', 'packed'],
    ]);
  });
});
