import { MagicGenError, type SourceLocation } from '../errors.js';
import type { SourceFile } from './source.js';

export type TokenKind = 'identifier' | 'number' | 'string' | 'char' | 'punctuator' | 'header' | 'other';

/** The names a token must not be expanded as again: those of the macros it came out of. */
export interface HideSet {
  name: string;
  rest: HideSet | null;
}

export interface Token {
  kind: TokenKind;
  text: string;
  /** Where it stands; for a token out of a macro's body, where the macro was used. */
  file: SourceFile;
  offset: number;
  /** Whether white space or a comment stands before it. */
  space: boolean;
  hidden: HideSet | null;
  /** Its place in the preprocessor's output; zero until it is there. */
  position: number;
}

export function locate(token: Token): SourceLocation {
  return token.file.locate(token.offset);
}

const blank = /[ \t\f\v\r]+/y;
const lineComment = /\/\/[^\n]*/y;
const blockComment = /\/\*[\s\S]*?\*\//y;
const headerName = /<[^>\n]*>|"[^"\n]*"/y;
const lexemes: readonly [TokenKind, RegExp][] = [
  ['string', /(?:u8|[uUL])?"(?:\\.|[^"\\\n])*"/y],
  ['char', /[uUL]?'(?:\\.|[^'\\\n])+'/y],
  ['identifier', /[A-Za-z_$][\w$]*/y],
  ['number', /\.?\d(?:[eEpP][+-]|[\w.])*/y],
  ['punctuator', /\.\.\.|<<=|>>=|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||##|[-+*/%&|^]=|[-+*/%&|^~!<>=?:;,.(){}[\]#]/y],
  ['other', /[\s\S]/y],
];

/**
 * The tokens of a header, line by line, comments gone and lines that end in a backslash joined. A quotation mark
 * without its partner becomes a token of kind `other`: it matters only if a conditional does not leave it out.
 */
export function tokenize(file: SourceFile): Token[][] {
  const { text, original } = joinLines(file.text);
  const lines: Token[][] = [];
  let line: Token[] = [];
  let space = false;
  let at = 0;

  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  };

  while (at < text.length) {
    if (text[at] === '\n') {
      if (line.length > 0) lines.push(line);
      line = [];
      space = false;
      at += 1;
      continue;
    }
    const skipped = match(blank) ?? match(lineComment) ?? match(blockComment);
    if (skipped !== undefined) {
      at += skipped.length;
      space = true;
      continue;
    }
    if (text.startsWith('/*', at)) {
      throw new MagicGenError('the comment that opens here has no end', file.locate(original(at)));
    }
    const header = namesHeader(line) ? match(headerName) : undefined;
    const [kind, lexeme] = header === undefined ? lexemeAt(match) : (['header', header] as const);
    line.push({ kind, text: lexeme, file, offset: original(at), space, hidden: null, position: 0 });
    space = false;
    at += lexeme.length;
  }
  if (line.length > 0) lines.push(line);
  return lines;
}

function lexemeAt(match: (pattern: RegExp) => string | undefined): readonly [TokenKind, string] {
  for (const [kind, pattern] of lexemes) {
    const lexeme = match(pattern);
    if (lexeme !== undefined) return [kind, lexeme];
  }
  throw new Error('the last pattern matches anything');
}

function namesHeader(line: readonly Token[]): boolean {
  return line.length === 2 && line[0]?.text === '#' && line[1]?.text === 'include';
}

/** Takes out each backslash that ends a line, with its newline; `original` gives back where an offset was before. */
function joinLines(text: string): { text: string; original: (offset: number) => number } {
  const kept: string[] = [];
  const cuts: { at: number; removed: number }[] = [];
  let from = 0;
  let removed = 0;
  for (const splice of text.matchAll(/\\[ \t]*\r?\n/g)) {
    kept.push(text.slice(from, splice.index));
    from = splice.index + splice[0].length;
    cuts.push({ at: splice.index - removed, removed: removed + splice[0].length });
    removed += splice[0].length;
  }
  kept.push(text.slice(from));

  // Offsets are asked for in rising order, so the search goes on from the last answer.
  let next = 0;
  const original = (offset: number): number => {
    while ((cuts[next]?.at ?? Number.POSITIVE_INFINITY) <= offset) next += 1;
    return offset + (cuts[next - 1]?.removed ?? 0);
  };
  return { text: kept.join(''), original };
}
