import { MagicGenError, NotConstantError } from '../errors.js';
import type { Declarations } from '../layout/declarations.js';
import type { Expander } from '../preprocess/expand.js';
import type { Macro } from '../preprocess/macros.js';
import type { Token, TokenKind } from '../preprocess/tokens.js';
import { typeExpression } from './expressions.js';
import type { AbiFunction } from './model.js';
import { originOf } from './origin.js';

/** Stands for a parameter while a macro is expanded: a name that no header has. */
const standIn = (index: number): string => `__magic_gen_parameter_${index}_`;
const standsIn = /__magic_gen_parameter_(\d+)_/;

/**
 * Reads a function-like macro as a function of integers.
 *
 * @throws NotConstantError with the reason, where it is not one.
 */
export function readFunction(macro: Macro, expander: Expander, declarations: Declarations): AbiFunction {
  const names = parameterNames(macro, expander);
  if (macro.body.length === 0) throw new NotConstantError('defined as nothing');
  if (macro.body.length === 1 && names.includes(macro.body[0]?.text ?? '')) {
    throw new NotConstantError('stands for its argument, of any type');
  }
  try {
    const tokens = withoutRedundantParentheses(expander.expand(use(macro, names)));
    checkPasting(tokens, names);
    const { expression, parameters } = typeExpression(declarations.expression(tokens), declarations, {
      count: names.length,
      index: (name) => {
        const match = standsIn.exec(name);
        return match?.[0] === name ? Number(match[1]) : undefined;
      },
      name: (index) => names[index] ?? '',
    });
    return {
      name: macro.name,
      parameters: parameters.map((type, index) => ({ name: names[index] ?? '', type })),
      body: expression,
      definition: macro.body.map(({ text, space }, index) => (space && index > 0 ? ` ${text}` : text)).join(''),
      origin: originOf(macro.at),
    };
  } catch (error) {
    // An error in it would only show in a use of it, and the headers have none.
    if (error instanceof MagicGenError) throw new NotConstantError(error.problem);
    throw error;
  }
}

/** The parameters. Those of `NAME(...)` are found where it passes all its arguments to another macro. */
function parameterNames({ parameters, variadic, body }: Macro, expander: Expander): readonly string[] {
  if (variadic === null) return parameters ?? [];
  const at = body.findIndex(({ text }, index) => text === variadic && body[index + 1]?.text === ')');
  const callee = body[at - 1]?.text === '(' ? expander.macros.get(body[at - 2]?.text ?? '') : undefined;
  if (!callee?.parameters || callee.variadic !== null) throw new NotConstantError('takes any number of arguments');
  return [...(parameters ?? []), ...callee.parameters];
}

/** `NAME(first, second)`, as if the macro were used at its definition. */
function use(macro: Macro, names: readonly string[]): Token[] {
  const token = (kind: TokenKind, text: string): Token => ({ ...macro.at, kind, text, space: false, hidden: null });
  const args = names.flatMap((_, index) => [
    ...(index > 0 ? [token('punctuator', ',')] : []),
    token('identifier', standIn(index)),
  ]);
  return [token('identifier', macro.name), token('punctuator', '('), ...args, token('punctuator', ')')];
}

/** `(x) + 1` can also be parsed as a cast of `+1`, if x is not known to be a value; `x + 1` can only be a sum. */
function withoutRedundantParentheses(tokens: readonly Token[]): Token[] {
  let output = [...tokens];
  for (;;) {
    const at = output.findIndex(({ text }, index) => {
      if (text !== '(' || !standsIn.test(output[index + 1]?.text ?? '') || output[index + 2]?.text !== ')')
        return false;
      // After a name the parentheses are a call's, before another operand a cast's.
      const after = output[index + 3];
      return (
        output[index - 1]?.kind !== 'identifier' &&
        (!after || (after.kind === 'punctuator' && !/[({~!]/.test(after.text)))
      );
    });
    const name = output[at + 1];
    if (at < 0 || !name) return output;
    output = output.toSpliced(at, 3, name);
  }
}

function checkPasting(tokens: readonly Token[], names: readonly string[]): void {
  for (const { text } of tokens) {
    const match = standsIn.exec(text);
    if (match && match[0] !== text) {
      throw new NotConstantError(`makes its parameter '${names[Number(match[1])]}' part of a name or text`);
    }
  }
}
