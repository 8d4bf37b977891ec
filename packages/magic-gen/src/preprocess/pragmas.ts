import { MagicGenError } from '../errors.js';
import { locate, type Token } from './tokens.js';

/** Pragmas without an effect on meaning. Any other except `once` stops the run. */
const ignoredPragmas = [
  /^(?:GCC|clang) (?:diagnostic|system_header|warning)\b/,
  /^GCC (?:poison|visibility)\b/,
  /^message\b/,
];

/** @throws MagicGenError for a pragma that may change what the headers mean. */
export function refusePragma(at: Token, text: string): void {
  if (ignoredPragmas.some((pattern) => pattern.test(text))) return;
  throw new MagicGenError(
    `#pragma ${text} is not supported: it may change what follows`.replace('  ', ' '),
    locate(at),
  );
}

/** Removes `_Pragma("...")`, which is `#pragma` within a line. */
export function takePragmas(tokens: readonly Token[]): Token[] {
  const output: Token[] = [];
  for (let index = 0; index < tokens.length; index += 1) {
    const token = tokens[index] as Token;
    if (token.text !== '_Pragma') {
      output.push(token);
      continue;
    }
    const [open, text, close] = tokens.slice(index + 1, index + 4);
    if (open?.text !== '(' || text?.kind !== 'string' || close?.text !== ')') {
      throw new MagicGenError('_Pragma needs a string in parentheses', locate(token));
    }
    refusePragma(token, text.text.replace(/^[^"]*"|"$/g, '').trim());
    index += 3;
  }
  return output;
}
