import { MagicGenError } from '../errors.js';
import { locate, type Token } from './tokens.js';

export interface Macro {
  name: string;
  /** The name at its definition, for its place. */
  at: Token;
  /** Null for an object-like macro. */
  parameters: readonly string[] | null;
  /** The parameter that takes all remaining arguments: `__VA_ARGS__`, or a GNU name such as `MEMBERS...`. */
  variadic: string | null;
  body: readonly Token[];
  /** The number of output tokens before the definition, which orders macros among declarations. */
  position: number;
}

/** Reads what follows `#define`. */
export function parseDefine(directive: Token, tokens: readonly Token[], position: number): Macro {
  const [name, open] = tokens;
  if (name?.kind !== 'identifier') throw new MagicGenError('#define needs a name', locate(name ?? directive));
  if (name.text === 'defined') throw new MagicGenError("'defined' cannot be a macro", locate(name));
  // Only a parenthesis directly after the name begins parameters; after a space it begins the body.
  if (open?.text !== '(' || open.space) {
    return checkBody({ name: name.text, at: name, parameters: null, variadic: null, body: tokens.slice(1), position });
  }

  const parameters: string[] = [];
  let variadic: string | null = null;
  let index = 2;
  if (tokens[index]?.text === ')') index += 1;
  else {
    for (;;) {
      const parameter = tokens[index];
      if (variadic === null && parameter?.text === '...') {
        variadic = '__VA_ARGS__';
        index += 1;
      } else if (variadic === null && parameter?.kind === 'identifier' && !parameters.includes(parameter.text)) {
        if (tokens[index + 1]?.text === '...') {
          variadic = parameter.text;
          index += 2;
        } else {
          parameters.push(parameter.text);
          index += 1;
        }
      } else {
        throw new MagicGenError(`the parameters of macro ${name.text} cannot be read`, locate(parameter ?? name));
      }
      const separator = tokens[index];
      index += 1;
      if (separator?.text === ')') break;
      if (separator?.text !== ',') {
        throw new MagicGenError(`the parameters of macro ${name.text} do not end`, locate(separator ?? name));
      }
    }
  }
  return checkBody({ name: name.text, at: name, parameters, variadic, body: tokens.slice(index), position });
}

function checkBody(macro: Macro): Macro {
  const { body, parameters, variadic } = macro;
  const quote = body.findIndex((token, index) => {
    const name = body[index + 1]?.text ?? '';
    return token.text === '#' && parameters && name !== variadic && !parameters.includes(name);
  });
  const wrong = body[quote];
  if (wrong) throw new MagicGenError(`'#' in macro ${macro.name} is not before a parameter`, locate(wrong));
  const edge = [macro.body[0], macro.body.at(-1)].find((token) => token?.text === '##');
  if (edge) throw new MagicGenError(`'##' needs a token on either side`, locate(edge));
  return macro;
}
