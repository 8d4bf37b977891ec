import { MagicGenError } from '../errors.js';
import type { Macro } from './macros.js';
import { type HideSet, locate, type Token } from './tokens.js';

/** Macros that double at each step would exhaust memory. All real headers together need a fiftieth of this. */
const tokenLimit = 1_000_000;
const nestingLimit = 200;

/**
 * Expands macros as C does: recursion stops at a macro's own name, and arguments are expanded before they are inserted.
 */
export class Expander {
  readonly macros: ReadonlyMap<string, Macro>;
  #produced = 0;
  #nesting = 0;

  constructor(macros: ReadonlyMap<string, Macro>) {
    this.macros = macros;
  }

  /** The tokens with every macro expanded except those named in `keep`. */
  expand(tokens: readonly Token[], keep: ReadonlySet<string> = new Set()): Token[] {
    const pending = tokens.toReversed();
    const output: Token[] = [];
    for (let token = pending.pop(); token; token = pending.pop()) {
      const macro = token.kind === 'identifier' ? this.macros.get(token.text) : undefined;
      if (!macro || keep.has(macro.name) || hides(token.hidden, macro.name)) {
        output.push(token);
        continue;
      }
      if (!macro.parameters) {
        this.#push(pending, this.#substitute(macro, token, [], { name: macro.name, rest: token.hidden }, keep));
        continue;
      }
      // Without arguments, the name of a function-like macro is just a name.
      if (pending.at(-1)?.text !== '(') {
        output.push(token);
        continue;
      }
      const { args, close } = takeArguments(macro, token, pending);
      const hidden = { name: macro.name, rest: common(token.hidden, close.hidden) };
      this.#push(pending, this.#substitute(macro, token, args, hidden, keep));
    }
    return output;
  }

  #push(pending: Token[], tokens: readonly Token[]): void {
    for (const token of tokens.toReversed()) pending.push(token);
  }

  /** A macro's body with its arguments inserted. The tokens of the body get the place of the use. */
  #substitute(macro: Macro, use: Token, args: Token[][], hidden: HideSet, keep: ReadonlySet<string>): Token[] {
    const argument = (token: Token | undefined): Token[] | undefined => {
      if (token?.kind !== 'identifier' || !macro.parameters) return undefined;
      const index = token.text === macro.variadic ? macro.parameters.length : macro.parameters.indexOf(token.text);
      return index < 0 ? undefined : (args[index] ?? []);
    };
    const body = macro.body.map((token) => ({ ...token, file: use.file, offset: use.offset }));
    const output: Token[] = [];
    // Whether the last output came from an empty argument: `##` beside it pastes nothing.
    let lastEmpty = false;

    for (let index = 0; index < body.length; index += 1) {
      const token = body[index] as Token;
      const next = body[index + 1];
      const value = argument(token);

      if (token.text === '#' && macro.parameters) {
        output.push({ ...token, kind: 'string', text: stringify(argument(next) ?? []) });
        lastEmpty = false;
        index += 1;
      } else if (token.text === '##') {
        const right = argument(next) ?? (next ? [next] : []);
        // GNU: a comma before an empty variadic argument is removed; before a non-empty one, nothing is pasted.
        const comma = output.at(-1)?.text === ',' && next?.text === macro.variadic;
        if (comma) {
          if (right.length === 0) output.pop();
          else output.push(...right);
        } else if (lastEmpty || output.length === 0) {
          output.push(...right);
        } else if (right.length > 0) {
          output.push(paste(output.pop() as Token, right[0] as Token, use), ...right.slice(1));
        }
        lastEmpty = (lastEmpty || comma) && right.length === 0;
        index += 1;
      } else if (value) {
        const whole = next?.text === '##' ? value : this.#expandArgument(value, use, keep);
        output.push(...whole);
        lastEmpty = whole.length === 0;
      } else {
        output.push(token);
        lastEmpty = false;
      }
    }

    this.#produced += output.length + 1;
    if (this.#produced > tokenLimit) {
      throw new MagicGenError(`the expansion of macro ${macro.name} grows without end`, locate(use));
    }
    return output.map((token) => ({ ...token, hidden: union(token.hidden, hidden) }));
  }

  #expandArgument(tokens: readonly Token[], use: Token, keep: ReadonlySet<string>): Token[] {
    this.#nesting += 1;
    if (this.#nesting > nestingLimit) {
      throw new MagicGenError(`macro arguments nest deeper than ${nestingLimit}`, locate(use));
    }
    const expanded = this.expand(tokens, keep);
    this.#nesting -= 1;
    return expanded;
  }
}

/** Removes an argument list from the pending tokens, which are in reverse order. */
function takeArguments(macro: Macro, use: Token, pending: Token[]): { args: Token[][]; close: Token } {
  const wanted = macro.parameters?.length ?? 0;
  const args: Token[][] = [[]];
  let depth = 0;
  for (let token = pending.pop(); token; token = pending.pop()) {
    if (token.text === '(' && depth++ === 0) continue;
    if (token.text === ')' && --depth === 0) {
      const last = args.at(-1) as Token[];
      if (wanted === 0 && !macro.variadic && args.length === 1 && last.length === 0) args.pop();
      const fits = macro.variadic ? args.length >= wanted : args.length === wanted;
      if (!fits) {
        throw new MagicGenError(`macro ${macro.name} takes ${wanted} arguments, not ${args.length}`, locate(use));
      }
      return { args, close: token };
    }
    const inVariadic = macro.variadic !== null && args.length > wanted;
    if (token.text === ',' && depth === 1 && !inVariadic) args.push([]);
    else args.at(-1)?.push(token);
  }
  throw new MagicGenError(`the arguments of macro ${macro.name} do not end`, locate(use));
}

function stringify(tokens: readonly Token[]): string {
  const text = tokens
    .map((token, index) => {
      const quoted =
        token.kind === 'string' || token.kind === 'char' ? token.text.replace(/[\\"]/g, '\\$&') : token.text;
      return index > 0 && token.space ? ` ${quoted}` : quoted;
    })
    .join('');
  return `"${text}"`;
}

function paste(left: Token, right: Token, use: Token): Token {
  const text = left.text + right.text;
  if (/^[A-Za-z_$][\w$]*$/.test(text)) return { ...left, kind: 'identifier', text };
  if (/^\.?\d(?:[eEpP][+-]|[\w.])*$/.test(text)) return { ...left, kind: 'number', text };
  if (/^(?:<<|>>|<=|>=|==|!=|&&|\|\||->|\+\+|--|##|[-+*/%&|^]=|<<=|>>=)$/.test(text)) {
    return { ...left, kind: 'punctuator', text };
  }
  throw new MagicGenError(`'${left.text}' and '${right.text}' do not paste into one token`, locate(use));
}

/** Whether a token comes from the expansion of the macro itself, where it is just a name. */
export function hides(set: HideSet | null, name: string): boolean {
  for (let entry = set; entry; entry = entry.rest) if (entry.name === name) return true;
  return false;
}

function union(left: HideSet | null, right: HideSet | null): HideSet | null {
  if (!left) return right;
  let result = left;
  for (let entry = right; entry; entry = entry.rest) {
    if (!hides(left, entry.name)) result = { name: entry.name, rest: result };
  }
  return result;
}

function common(left: HideSet | null, right: HideSet | null): HideSet | null {
  let result: HideSet | null = null;
  for (let entry = left; entry; entry = entry.rest) {
    if (hides(right, entry.name)) result = { name: entry.name, rest: result };
  }
  return result;
}
