import { MagicGenError, NotConstantError, type SourceLocation } from '../errors.js';
import { keywords } from '../language/keywords.js';
import { locate, type Token } from '../preprocess/tokens.js';
import { unmarkNames } from './names.js';

/** `__attribute__((...))`, removed from the text. */
export interface Attribute {
  /** The offsets of the text between which it was. */
  after: number;
  before: number;
  tokens: readonly Token[];
}

/** `_Static_assert(...)`, removed from the text, without its parentheses. */
export interface Assertion {
  at: Token;
  tokens: readonly Token[];
}

/** C text made of tokens, which maps each character back to its header. */
export class Code {
  readonly text: string;
  readonly tokens: readonly Token[];
  readonly attributes: readonly Attribute[];
  readonly assertions: readonly Assertion[];
  readonly #starts: number[] = [];

  /** @param attributes Each with the index of the token that it preceded. */
  constructor(
    tokens: readonly Token[],
    attributes: readonly { index: number; tokens: readonly Token[] }[] = [],
    assertions: readonly Assertion[] = [],
  ) {
    const parts: string[] = [];
    let at = 0;
    for (const token of tokens) {
      this.#starts.push(at);
      parts.push(token.text);
      // A space between any two tokens keeps them apart; a sign never becomes part of a number.
      at += token.text.length + 1;
    }
    this.text = parts.join(' ');
    this.tokens = tokens;
    this.assertions = assertions;
    this.attributes = attributes.map(({ index, tokens: content }) => {
      const previous = tokens[index - 1];
      return {
        after: previous ? (this.#starts[index - 1] ?? 0) + previous.text.length : 0,
        before: this.#starts[index] ?? this.text.length,
        tokens: content,
      };
    });
  }

  /** The token at the offset. */
  token(offset: number): Token | undefined {
    let low = 0;
    let high = this.#starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return this.tokens[low];
  }
}

/** A node of the parsed text. */
export interface Syntax {
  /** The grammar's name for it: "field_declaration", "(". */
  type: string;
  /** Its role in its parent: "declarator", "size"; null where the grammar has no name for it. */
  field: string | null;
  named: boolean;
  start: number;
  end: number;
  children: Syntax[];
  code: Code;
}

export function textOf(node: Syntax): string {
  return unmarkNames(node.code.text.slice(node.start, node.end));
}

/** The text of a node that is a name. */
export function nameOf(node: Syntax): string {
  const name = textOf(node);
  return keywords.has(name) ? fail(node, `'${name}' is a keyword`) : name;
}

export function child(node: Syntax, field: string): Syntax | undefined {
  return node.children.find((part) => part.field === field);
}

export function placeOf(node: Syntax): SourceLocation | undefined {
  const token = node.code.token(node.start);
  return token && locate(token);
}

export function fail(node: Syntax, problem: string): never {
  throw new MagicGenError(problem, placeOf(node));
}

export function notConstant(node: Syntax, problem: string): never {
  throw new NotConstantError(problem, placeOf(node));
}
