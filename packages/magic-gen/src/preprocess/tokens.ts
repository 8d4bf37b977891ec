import { MagicGenError, type SourceLocation } from '../errors.js';
import type { SourceFile } from './source.js';

export type TokenKind = 'identifier' | 'number' | 'string' | 'char' | 'punctuator' | 'header' | 'other';

/** The names that the token must not be expanded as again: the macros it came from. */
export interface HideSet {
  name: string;
  rest: HideSet | null;
}

export interface Token {
  kind: TokenKind;
  text: string;
  /** Its place; for a token from a macro's body, the place of the macro's use. */
  file: SourceFile;
  offset: number;
  /** Whether white space or a comment precedes it. */
  space: boolean;
  hidden: HideSet | null;
  /** Its position in the preprocessor's output; zero before it is there. */
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
 * The tokens of a header, line by line, with comments removed and continued lines joined. An unmatched quotation mark
 * becomes a token of kind `other`: it only matters if no conditional skips it.
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

/** Removes each backslash-newline pair; `original` returns the original offset of an offset. */
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

  // Offsets are queried in ascending order, so the search continues from the last answer.
  let next = 0;
  const original = (offset: number): number => {
    while ((cuts[next]?.at ?? Number.POSITIVE_INFINITY) <= offset) next += 1;
    return offset + (cuts[next - 1]?.removed ?? 0);
  };
  return { text: kept.join(''), original };
}
