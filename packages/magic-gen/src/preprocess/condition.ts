import { MagicGenError } from '../errors.js';
import { evaluate, type Scope } from '../language/evaluate.js';
import { preprocessorIntegers } from '../language/integers.js';
import { parseExpression } from '../parse/parse.js';
import { resolveQuestions } from './builtins.js';
import type { Expander } from './expand.js';
import { locate, type Token } from './tokens.js';

/**
 * Whether the expression after `#if` or `#elif` is true.
 *
 * @param hasHeader Whether `#include` would find a header.
 */
export function evaluateCondition(
  directive: Token,
  tokens: readonly Token[],
  expander: Expander,
  hasHeader: (header: Token) => boolean,
): boolean {
  // Literal header names are not expanded, since `linux` may be a macro. Those that come from macros are replaced
  // later.
  const plain = resolveQuestions(resolveDefined(tokens, expander), expander, hasHeader);
  const expanded = resolveQuestions(resolveDefined(expander.expand(plain), expander), expander, hasHeader);
  if (expanded.length === 0) throw new MagicGenError(`#${directive.text} needs an expression`, locate(directive));
  // A name that is not a macro counts as zero.
  const text = expanded.map((token) => (token.kind === 'identifier' ? number(token, '0') : token));
  return evaluate(parseExpression(text), conditionScope).value !== 0n;
}

const conditionScope: Scope = {
  integers: preprocessorIntegers,
  name: () => undefined,
  typeOf: () => undefined,
};

/** Replaces `defined X` and `defined(X)` before X is expanded. */
function resolveDefined(tokens: readonly Token[], expander: Expander): Token[] {
  const output: Token[] = [];
  for (let index = 0; index < tokens.length; index += 1) {
    const token = tokens[index] as Token;
    if (token.text !== 'defined') {
      output.push(token);
      continue;
    }
    const bracketed = tokens[index + 1]?.text === '(';
    const name = tokens[index + (bracketed ? 2 : 1)];
    if (name?.kind !== 'identifier' || (bracketed && tokens[index + 3]?.text !== ')')) {
      throw new MagicGenError("'defined' needs a name", locate(token));
    }
    output.push(number(token, expander.macros.has(name.text) ? '1' : '0'));
    index += bracketed ? 3 : 1;
  }
  return output;
}

function number(token: Token, text: string): Token {
  return { ...token, kind: 'number', text };
}
