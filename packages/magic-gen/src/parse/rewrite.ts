import { MagicGenError } from '../errors.js';
import { locate, type Token } from '../preprocess/tokens.js';
import { type Assertion, Code } from './code.js';
import { joinNames, markName, unmarkNames } from './names.js';
import { redundantParentheses } from './redundant-parentheses.js';

/** The name given to an unnamed bitfield, because the grammar requires one. No header may use names like it. */
export const unnamedBitfield = '__magic_gen_unnamed';

/** Says whether a name is that of a type. */
export interface TypeNames {
  has(name: string): boolean;
}

const respelled: Readonly<Record<string, string>> = {
  __signed__: 'signed',
  __signed: 'signed',
  __const: 'const',
  __const__: 'const',
  __volatile: 'volatile',
  __volatile__: 'volatile',
  __inline: 'inline',
  __inline__: 'inline',
  __restrict: 'restrict',
  __restrict__: 'restrict',
  __alignof__: '_Alignof',
  __alignof: '_Alignof',
  __builtin_offsetof: 'offsetof',
};

/**
 * Turns the preprocessor's output into text that the grammar can read, with the same meaning: GNU spellings of keywords
 * become standard ones; attributes, `_Alignas` and `_Static_assert` are removed and kept beside the text; bodies of
 * functions are removed; unnamed bitfields get a name; names that the grammar reserves are marked; parentheses around
 * declared names are removed; and `(name)` is marked where `name` is a type.
 */
export function rewrite(tokens: readonly Token[]): Code {
  const { plain, attributes } = withoutRedundantParentheses(takeAttributes(respell(tokens)));
  const known = new Set(typedefNames(plain));

  const output: Token[] = [];
  let next = 0;
  const indexed: { index: number; tokens: readonly Token[] }[] = [];
  const keep = new Shape();
  const assertions: Assertion[] = [];
  let after = 0; // where the text continues after an assertion
  for (const [index, token] of plain.entries()) {
    if (index < after) continue;
    if (token.text === '_Static_assert' && !keep.dropping) {
      const end = closing(plain, index + 1);
      if (end === undefined || plain[end + 1]?.text !== ';') {
        throw new MagicGenError('_Static_assert needs (...);', locate(token));
      }
      assertions.push({ at: token, tokens: plain.slice(index + 2, end) });
      after = end + 2;
      continue;
    }
    for (let note = attributes[next]; note && note.index <= index; note = attributes[++next]) {
      if (!keep.dropping) indexed.push({ index: output.length, tokens: note.tokens });
    }
    if (!keep.dropping) refuseLostMacro(token);
    const kept = keep.take(token, plain[index - 1], plain[index + 1]);
    output.push(...kept);
    // A cast in a function's body is removed with the body.
    if (kept.length > 0 && marksType(plain, index, known)) output.push({ ...token, text: 'const' });
  }
  for (const note of attributes.slice(next)) indexed.push({ index: output.length, tokens: note.tokens });
  return new Code(output, indexed, assertions);
}

/** The same for one expression, where only spellings and types matter. */
export function rewriteExpression(tokens: readonly Token[], typeNames: TypeNames): Token[] {
  const plain = respell(tokens).map(mark);
  return plain.flatMap((token, index) => {
    return marksType(plain, index, typeNames) ? [token, { ...token, text: 'const' }] : [token];
  });
}

function respell(tokens: readonly Token[]): Token[] {
  return withWholeMembers(
    tokens
      .filter((token) => token.text !== '__extension__')
      .map((token) => (Object.hasOwn(respelled, token.text) ? { ...token, text: respelled[token.text] ?? '' } : token)),
  );
}

/** In `offsetof(struct s, a.b)`, `a.b` becomes one name. */
function withWholeMembers(tokens: readonly Token[]): Token[] {
  const output: Token[] = [];
  let next = 0; // to be copied
  for (const [index, { text }] of tokens.entries()) {
    const end = text === 'offsetof' ? closing(tokens, index + 1) : undefined;
    if (end === undefined) continue;
    const first = tokens.findLastIndex((token, at) => at < end && token.text === ',') + 1;
    const member = tokens.slice(first, end);
    const areNames = member.every((token, at) => at % 2 === 0 || token.text === '.');
    if (member.length < 3 || first <= index || !areNames) continue;
    const names = member.filter((_, at) => at % 2 === 0).map((token) => token.text);
    output.push(...tokens.slice(next, first), { ...(member[0] as Token), text: joinNames(names) });
    next = end;
  }
  return [...output, ...tokens.slice(next)];
}

function mark(token: Token, index: number, tokens: readonly Token[]): Token {
  // The grammar knows `offsetof(...)`, which `__builtin_offsetof` has become; without parentheses it is a name.
  const text = markName(token.text, tokens[index + 1]?.text === '(');
  return text === token.text ? token : { ...token, text };
}

/** The text without parentheses around declared names, with those names marked that the grammar reserves. */
function withoutRedundantParentheses({ plain, attributes }: Extracted): Extracted {
  // The name of a type may itself have been in parentheses.
  const idle = redundantParentheses(plain, new Set(typedefNames(plain, false)));
  if (idle.size === 0) return { plain: plain.map(mark), attributes };
  const removed = [...idle];
  return withoutRedundantParentheses({
    plain: plain.filter((_, index) => !idle.has(index)),
    attributes: attributes.map((each) => ({
      ...each,
      index: each.index - removed.filter((at) => at < each.index).length,
    })),
  });
}

/** The kernel's macros for attributes. If the headers define them, macro expansion has removed them all. */
const attributeMacro = new RegExp(
  '^__+(?:packed|aligned|(?:no_)?randomize_layout|designated_init|cacheline_aligned(?:_in_smp)?|' +
    'counted_by(?:_[lb]e|_ptr)?|user|bitwise(?:__)?|nonstring|must_check)$',
);

/** @throws MagicGenError for `struct s { ... } __packed;` without such a macro, which declares a variable in C. */
function refuseLostMacro(token: Token): void {
  if (token.kind !== 'identifier' || !attributeMacro.test(token.text)) return;
  throw new MagicGenError(`'${token.text}' is a macro that the headers do not define`, locate(token));
}

/**
 * `(__u64)(1)` parses as a call, `(__u64)-1` as a difference and `(__u64[2])` as an element. `(__u64 const)` can only
 * be a type.
 */
function marksType(tokens: readonly Token[], index: number, typeNames: TypeNames): boolean {
  const next = tokens[index + 1]?.text;
  const name = unmarkNames(tokens[index]?.text ?? '');
  return typeNames.has(name) && tokens[index - 1]?.text === '(' && (next === ')' || next === '[');
}

/** A text, and the attributes that were removed from it. */
interface Extracted {
  plain: Token[];
  /** Each with the index of the token that it preceded. */
  attributes: { index: number; tokens: readonly Token[] }[];
}

function takeAttributes(tokens: readonly Token[]): Extracted {
  const plain: Token[] = [];
  const attributes: { index: number; tokens: readonly Token[] }[] = [];
  for (let index = 0; index < tokens.length; index += 1) {
    const token = tokens[index] as Token;
    const isAlignas = token.text === '_Alignas';
    if (!isAlignas && token.text !== '__attribute__' && token.text !== '__attribute') {
      plain.push(token);
      continue;
    }
    const end = closing(tokens, index + 1);
    if (isAlignas) {
      if (end === undefined) throw new MagicGenError('_Alignas needs (...)', locate(token));
      attributes.push({ index: plain.length, tokens: tokens.slice(index, end + 1) });
      index = end;
      continue;
    }
    if (end === undefined || tokens[index + 2]?.text !== '(' || tokens[end - 1]?.text !== ')') {
      throw new MagicGenError('__attribute__ needs ((...))', locate(token));
    }
    attributes.push({ index: plain.length, tokens: tokens.slice(index + 3, end - 1) });
    index = end;
  }
  return { plain, attributes };
}

/** The index of the parenthesis that closes the one at `open`. */
function closing(tokens: readonly Token[], open: number): number | undefined {
  if (tokens[open]?.text !== '(') return undefined;
  let depth = 0;
  for (let index = open; index < tokens.length; index += 1) {
    if (tokens[index]?.text === '(') depth += 1;
    if (tokens[index]?.text === ')' && --depth === 0) return index;
  }
  return undefined;
}

/**
 * The names that `typedef` declares: the last identifier outside brackets in each declarator, or the one in `(*name)`.
 *
 * @param functions Whether a name before a parenthesis counts: it names a function's type, or is a type before a name
 * in parentheses.
 */
function typedefNames(tokens: readonly Token[], functions = true): string[] {
  const names: string[] = [];
  for (let index = 0; index < tokens.length; index += 1) {
    if (tokens[index]?.text !== 'typedef') continue;
    let depth = 0;
    let name: string | undefined;
    for (index += 1; index < tokens.length; index += 1) {
      const { kind, text } = tokens[index] as Token;
      if (depth === 0 && (text === ';' || text === ',')) {
        if (name) names.push(unmarkNames(name));
        name = undefined;
        if (text === ';') break;
      }
      if (text === '(' || text === '[' || text === '{') depth += 1;
      if (text === ')' || text === ']' || text === '}') depth -= 1;
      const pointed = depth === 1 && tokens[index - 1]?.text === '*' && tokens[index - 2]?.text === '(';
      if (kind === 'identifier' && (depth === 0 || pointed)) {
        name = functions || tokens[index + 1]?.text !== '(' ? text : undefined;
      }
    }
  }
  return names;
}

const typeWords = new Set(['int', 'char', 'short', 'long', 'signed', 'unsigned', '_Bool', '__int128']);

/** Follows the braces of the text, to tell the bodies of records and functions apart. */
class Shape {
  readonly #open: ('record' | 'other' | 'dropped')[] = [];
  #brackets = 0;
  /** The tokens of the declaration so far, inside a record's body. */
  #declaration: Token[] = [];
  /** The last tokens that were kept: enough to recognize `struct name {`. */
  #recent: string[] = [];

  /** Whether the text at this point is inside a function's body. */
  get dropping(): boolean {
    return this.#open.at(-1) === 'dropped';
  }

  /** What the output has in the place of the token. */
  take(token: Token, previous: Token | undefined, next: Token | undefined): Token[] {
    const { dropping } = this;
    if (token.text === '{') {
      this.#open.push(dropping ? 'dropped' : this.#kindOfBody(previous));
      this.#declaration = [];
      if (this.#open.at(-1) === 'dropped') return dropping ? [] : [{ ...token, kind: 'punctuator', text: ';' }];
    } else if (token.text === '}') {
      this.#open.pop();
      this.#declaration = [];
    }
    if (dropping) return [];
    if (token.text === '(' || token.text === '[') this.#brackets += 1;
    if (token.text === ')' || token.text === ']') this.#brackets -= 1;
    this.#recent = [...this.#recent.slice(-1), token.text];
    return this.#open.at(-1) === 'record' && this.#brackets === 0 ? this.#member(token, next) : [token];
  }

  #kindOfBody(previous: Token | undefined): 'record' | 'other' | 'dropped' {
    if (this.#open.length === 0 && previous?.text === ')') return 'dropped';
    return this.#recent.some((text) => text === 'struct' || text === 'union') ? 'record' : 'other';
  }

  #member(token: Token, next: Token | undefined): Token[] {
    if (token.text === ';' || token.text === '{' || token.text === '}') {
      this.#declaration = [];
      return [token];
    }
    const before = this.#declaration;
    this.#declaration = [...before, token];
    if (token.text !== ':' || !next) return [token];

    const words = before.filter((word) => word.text !== 'const' && word.text !== 'volatile');
    const last = words.at(-1);
    const named = words.length > (words[0]?.text === 'enum' ? 2 : 1) && last?.kind === 'identifier';
    if (named && !typeWords.has(last.text)) return [token];
    return [{ ...token, kind: 'identifier', text: unnamedBitfield }, token];
  }
}
