import { MagicGenError } from '../errors.js';
import { evaluateCondition } from './condition.js';
import { Conditionals } from './conditionals.js';
import { Expander } from './expand.js';
import { type Macro, parseDefine } from './macros.js';
import { refusePragma, takePragmas } from './pragmas.js';
import { SourceFile } from './source.js';
import { locate, type Token, tokenize } from './tokens.js';

/** The declarations of a set of headers, and the macros defined at their end. */
export interface Preprocessed {
  /** Plain C with every macro expanded, each token with its origin. */
  tokens: Token[];
  macros: ReadonlyMap<string, Macro>;
  expander: Expander;
}

/** Finds the header of an `#include`; undefined where there is none. */
export type Include = (name: string) => { path: string; text: string } | undefined;

// As deep as compilers allow. Only a header that includes itself endlessly reaches it.
const depthLimit = 200;
const includeLimit = 10_000;

/**
 * Runs C's preprocessor over the named headers, in order.
 *
 * @param predefined The text of a header with the compiler's predefined macros.
 * @throws MagicGenError at the first line that cannot be processed.
 */
export function preprocess(roots: readonly string[], predefined: string, include: Include): Preprocessed {
  const run = new Preprocessor(include);
  run.file(new SourceFile('<predefined>', '<predefined>', predefined));
  run.file(new SourceFile('<roots>', '<roots>', roots.map((name) => `#include <${name}>\n`).join('')));
  return { tokens: run.output, macros: run.macros, expander: run.expander };
}

class Preprocessor {
  readonly macros = new Map<string, Macro>();
  readonly output: Token[] = [];
  readonly expander = new Expander(this.macros);
  readonly #include: Include;
  readonly #lines = new Map<string, Token[][]>();
  /** The files with `#pragma once`. */
  readonly #once = new Set<string>();
  /** The text since the last directive: a macro's arguments may span several lines. */
  #text: Token[] = [];
  #depth = 0;
  #included = 0;

  constructor(include: Include) {
    this.#include = include;
  }

  file(file: SourceFile): void {
    let lines = this.#lines.get(file.path);
    if (!lines) {
      lines = tokenize(file);
      this.#lines.set(file.path, lines);
    }
    const conditionals = new Conditionals();
    for (const line of lines) {
      if (line[0]?.text === '#') {
        this.#flush();
        this.#directive(line, conditionals);
      } else if (conditionals.active) {
        this.#text.push(...line);
      }
    }
    conditionals.finish();
    this.#flush();
  }

  #flush(): void {
    if (this.#text.length === 0) return;
    for (const token of takePragmas(this.expander.expand(this.#text))) {
      this.output.push({ ...token, position: this.output.length });
    }
    this.#text = [];
  }

  #directive(line: readonly Token[], conditionals: Conditionals): void {
    const [, directive, ...rest] = line;
    // A lone '#' is valid and has no effect.
    if (!directive || this.#conditional(directive, rest, conditionals)) return;
    if (!conditionals.active) return;
    switch (directive.text) {
      case 'include':
        this.#enter(directive, rest);
        return;
      case 'define': {
        const macro = parseDefine(directive, rest, this.output.length);
        // Deleted first, so that the table's order is that of the current definitions.
        this.macros.delete(macro.name);
        this.macros.set(macro.name, macro);
        return;
      }
      case 'undef':
        this.macros.delete(this.#name(directive, rest).text);
        return;
      case 'pragma':
        if (rest[0]?.text === 'once') this.#once.add(directive.file.path);
        else refusePragma(directive, rest.map(({ text }) => text).join(' '));
        return;
      case 'warning':
        return;
      case 'error':
        throw new MagicGenError(`#error ${rest.map((token) => token.text).join(' ')}`.trim(), locate(directive));
      default:
        throw new MagicGenError(`unknown directive #${directive.text}`, locate(directive));
    }
  }

  /** Whether the directive opened, divided or closed a conditional. */
  #conditional(directive: Token, rest: readonly Token[], conditionals: Conditionals): boolean {
    const holds = () => {
      return evaluateCondition(directive, rest, this.expander, (header) => this.#find(header) !== undefined);
    };
    const defined = () => this.macros.has(this.#name(directive, rest).text);
    const conditions: Record<string, () => boolean> = {
      if: holds,
      elif: holds,
      ifdef: defined,
      elifdef: defined,
      ifndef: () => !defined(),
      elifndef: () => !defined(),
    };
    const condition = Object.hasOwn(conditions, directive.text) ? conditions[directive.text] : undefined;
    if (condition) {
      if (directive.text.startsWith('if')) conditionals.open(directive, condition);
      else conditionals.next(directive, condition);
    } else if (directive.text === 'else') conditionals.otherwise(directive);
    else if (directive.text === 'endif') conditionals.close(directive);
    else return false;
    return true;
  }

  #name(directive: Token, rest: readonly Token[]): Token {
    const [name] = rest;
    if (name?.kind !== 'identifier') {
      throw new MagicGenError(`#${directive.text} needs a name`, locate(name ?? directive));
    }
    return name;
  }

  #enter(directive: Token, rest: readonly Token[]): void {
    const [header] = rest;
    if (header?.kind !== 'header')
      throw new MagicGenError('#include needs <name> or "name"', locate(header ?? directive));
    const found = this.#find(header);
    if (!found) throw new MagicGenError(`header ${header.text} is not in the header set`, locate(header));
    if (this.#once.has(found.path)) return;

    this.#included += 1;
    if (this.#depth >= depthLimit || this.#included > includeLimit) {
      throw new MagicGenError(`endless includes: ${found.name} is included again and again`, locate(header));
    }
    this.#depth += 1;
    this.file(new SourceFile(found.path, found.name, found.text));
    this.#depth -= 1;
  }

  /** The header for `<name>` or `"name"`; the latter may be beside the including file. */
  #find({ text, file }: Token): { path: string; name: string; text: string } | undefined {
    const named = text.slice(1, -1);
    const beside = file.name.includes('/') ? file.name.replace(/[^/]*$/, named) : named;
    for (const name of text.startsWith('"') ? [beside, named] : [named]) {
      const found = this.#include(name);
      if (found) return { ...found, name };
    }
    return undefined;
  }
}
