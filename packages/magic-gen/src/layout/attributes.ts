import { MagicGenError } from '../errors.js';
import type { Attribute } from '../parse/code.js';
import { locate, type Token } from '../preprocess/tokens.js';

/** What the attributes of a type or member change about its layout. */
export interface LayoutAttributes {
  packed: boolean;
  /** The requested alignments; the largest counts. */
  aligned: readonly Alignment[];
}

/** One `aligned` or `_Alignas`. */
export interface Alignment {
  name: Token;
  /** Empty for an `aligned` without a number, which means the largest alignment of the target. */
  expression: readonly Token[];
  /** Whether it is C's `_Alignas`, which may not weaken the type's alignment, and may name a type. */
  standard: boolean;
}

/** Attributes without an effect on layout. Any other except `packed` and `aligned` stops the run. */
const ignoredAttributes = new Set([
  'access',
  'address_space',
  'always_inline',
  'bitwise',
  'cold',
  'const',
  'counted_by',
  'deprecated',
  'designated_init',
  'error',
  'format',
  'gnu_inline',
  'may_alias',
  'noderef',
  'nonnull',
  'nonstring',
  'noreturn',
  'nothrow',
  'pure',
  'section',
  'unavailable',
  'unused',
  'used',
  'visibility',
  'warn_unused_result',
  'warning',
]);

/** Reads the attributes at one place, or at several places that apply to the same thing. */
export function readAttributes(attributes: readonly Attribute[]): LayoutAttributes {
  const aligned: Alignment[] = [];
  let packed = false;
  for (const { name, args } of attributes.flatMap((attribute) => split(attribute.tokens))) {
    const word = name.text.replace(/^__(.*)__$/, '$1');
    if (word === 'packed') packed = true;
    else if (word === 'aligned') aligned.push({ name, expression: args, standard: false });
    else if (word === '_Alignas') aligned.push({ name, expression: args, standard: true });
    else if (!ignoredAttributes.has(word)) {
      throw new MagicGenError(`unknown attribute '${name.text}': it may change the layout`, locate(name));
    }
  }
  return { packed, aligned };
}

/** @throws MagicGenError for an `_Alignas` where C allows none, or where compilers disagree. */
export function refuseAlignas({ aligned }: LayoutAttributes, where: string): void {
  const found = aligned.find(({ standard }) => standard);
  if (found) throw new MagicGenError(`_Alignas ${where} is not supported`, locate(found.name));
}

/** Splits `aligned(8), packed` into its parts. */
function split(tokens: readonly Token[]): { name: Token; args: Token[] }[] {
  const parts: { name: Token; args: Token[] }[] = [];
  let depth = 0;
  for (const token of tokens) {
    if (token.text === ')') depth -= 1;
    if (depth > 0) parts.at(-1)?.args.push(token);
    else if (token.kind === 'identifier') parts.push({ name: token, args: [] });
    if (token.text === '(') depth += 1;
  }
  return parts;
}
