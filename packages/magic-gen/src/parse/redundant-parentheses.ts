import type { Token } from '../preprocess/tokens.js';

const outside = new Set(['const', 'volatile', 'restrict', 'static', 'extern', 'inline', 'typedef', 'register']);
const typeWords = new Set([
  'void',
  'int',
  'char',
  'short',
  'long',
  'signed',
  'unsigned',
  'float',
  'double',
  '_Bool',
  '__int128',
]);

/**
 * Finds the parentheses around a declared name, as in `__u32 (a), *((b));`. They mean nothing but make the grammar read
 * a call. Those of `__u8 HINT(a);` are others: more than a type precedes them.
 *
 * @param typeNames The names of types.
 * @returns The indices of the parentheses' tokens, in order.
 */
export function redundantParentheses(tokens: readonly Token[], typeNames: ReadonlySet<string>): Set<number> {
  const idle = new Set<number>();
  let depth = 0;
  /** The words of the declaration so far, outside brackets. */
  let words: string[] = [];
  for (let index = 0; index < tokens.length; index += 1) {
    const { text } = tokens[index] as Token;
    if (text === ';' || text === '{' || text === '}') words = text === '}' ? [text] : [];
    else if (text === ')' || text === ']') depth -= 1;
    else if (text === '(' || text === '[') {
      const pairs = depth === 0 && endsType(words, typeNames) ? pairsAround(tokens, index, typeNames) : 0;
      if (pairs > 0) {
        for (let at = 0; at < pairs; at += 1) idle.add(index + at);
        for (let at = 0; at < pairs; at += 1) idle.add(index + pairs + 1 + at);
        words.push(tokens[index + pairs]?.text ?? '');
        index += 2 * pairs;
      } else depth += 1;
    } else if (depth === 0) words.push(text);
  }
  return idle;
}

/** The number of parentheses around a name, counted from the one at `open`. */
function pairsAround(tokens: readonly Token[], open: number, typeNames: ReadonlySet<string>): number {
  let pairs = 0;
  while (tokens[open + pairs]?.text === '(') pairs += 1;
  const name = tokens[open + pairs];
  if (name?.kind !== 'identifier' || typeWords.has(name.text) || typeNames.has(name.text)) return 0;
  let closed = 0;
  while (closed < pairs && tokens[open + pairs + 1 + closed]?.text === ')') closed += 1;
  return closed === pairs ? pairs : 0;
}

/** Whether the declaration's name comes next: a type is complete, or another name has ended. */
function endsType(words: readonly string[], typeNames: ReadonlySet<string>): boolean {
  const last = words.at(-1);
  if (last === '*' || last === ',' || last === '}') return true;
  const type = words.filter((word) => !outside.has(word));
  const [first = ''] = type;
  if (type.length === 2 && /^(?:struct|union|enum)$/.test(first)) return true;
  return type.length === 1
    ? typeWords.has(first) || typeNames.has(first)
    : type.length > 1 && type.every((word) => typeWords.has(word));
}
