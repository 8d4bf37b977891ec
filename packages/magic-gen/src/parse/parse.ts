import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import type Parser from 'tree-sitter';
import { MagicGenError, NotConstantError } from '../errors.js';
import { locate, type Token } from '../preprocess/tokens.js';
import { Code, child, fail, notConstant, placeOf, type Syntax } from './code.js';

// The binding passes strings to the parser through a buffer of 32 KiB; longer ones have to be passed in pieces.
const pieceLength = 8192;
// Real headers nest about ten levels deep. Without a limit, malicious nesting would overflow the stack of later stages.
const nestingLimit = 400;
const timeoutMicros = 20_000_000;

let made: Parser | undefined;

/** The parser is a native addon. It is loaded on first use, because much of magic-gen works without it. */
function lazyParser(): Parser {
  if (!made) {
    const { TreeSitter, language } = loadParser();
    made = new TreeSitter();
    made.setLanguage(language);
    made.setTimeoutMicros(timeoutMicros);
  }
  return made;
}

/**
 * The built package contains the parser (vendor.mjs). Where it has no binary, a program may have installed it.
 *
 * @throws MagicGenError if there is none, or if it needs a newer system.
 */
function loadParser(): { TreeSitter: typeof Parser; language: Parser.Language } {
  const require = createRequire(import.meta.url);
  const own = `../tree-sitter/${process.platform}-${process.arch}`;
  try {
    return existsSync(new URL(own, import.meta.url))
      ? { TreeSitter: require('../tree-sitter/tree-sitter.cjs'), language: require(`${own}/tree-sitter-c.node`) }
      : { TreeSitter: require('tree-sitter'), language: require('tree-sitter-c') };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const advice =
      code === 'ERR_DLOPEN_FAILED'
        ? 'on Linux it needs the C++ library of GCC 11 or later, as Debian 12 and Ubuntu 22.04 have it'
        : 'magic-gen contains it for Linux and macOS on x64 and arm64; elsewhere install tree-sitter and tree-sitter-c';
    throw new MagicGenError(`the parser cannot be loaded: ${advice} (${message.split('\n')[0]})`);
  }
}

/**
 * Parses declarations.
 *
 * @throws MagicGenError where the grammar does not understand the text. Nothing is ever skipped.
 */
export function parseDeclarations(code: Code): Syntax {
  const parser = lazyParser();
  const tree = parser.parse((at: number) => code.text.slice(at, at + pieceLength)) as Parser.Tree | null;
  if (!tree) {
    parser.reset();
    throw new MagicGenError('the headers take too long to parse');
  }
  return convert(tree.walk(), code, 0);
}

const wrapper = (text: string, token: Token): Token => ({ ...token, kind: 'other', text });

/**
 * Parses one expression.
 *
 * @throws NotConstantError where the text is not one.
 */
export function parseExpression(tokens: readonly Token[]): Syntax {
  const [first] = tokens;
  if (!first) throw new NotConstantError('empty: there is nothing to evaluate');
  // Most macros are a single number, which needs no parser.
  if (tokens.length === 1 && first.kind === 'number') return numberLiteral(first);
  const around = [wrapper('int', first), wrapper('x', first), wrapper('=', first)];
  const code = new Code([...around, ...tokens, wrapper(';', tokens.at(-1) ?? first)]);
  let root: Syntax;
  try {
    root = parseDeclarations(code);
  } catch (error) {
    if (error instanceof MagicGenError) throw new NotConstantError('not an expression', locate(first));
    throw error;
  }
  const [declaration, ...more] = root.children;
  const declarators = declaration?.children.filter((part) => part.field === 'declarator') ?? [];
  const value = declarators[0] && child(declarators[0], 'value');
  if (!value || declarators.length !== 1 || more.length > 0) notConstant(declaration ?? root, 'not an expression');
  return value;
}

function numberLiteral(token: Token): Syntax {
  const code = new Code([token]);
  return { type: 'number_literal', field: 'value', named: true, start: 0, end: token.text.length, children: [], code };
}

/** Copies the parser's tree, which is slow to walk twice, and stops at the first invalid node. */
function convert(cursor: Parser.TreeCursor, code: Code, depth: number): Syntax {
  const node: Syntax = {
    type: cursor.nodeType,
    field: cursor.currentFieldName ?? null,
    named: cursor.nodeIsNamed,
    start: cursor.startIndex,
    end: cursor.endIndex,
    children: [],
    code,
  };
  if (cursor.nodeIsMissing) fail(node, `the parser expects '${node.type}' here`);
  if (node.type === 'ERROR') failUnread(node, cursor);
  if (depth > nestingLimit) fail(node, `nested deeper than ${nestingLimit}`);
  if (cursor.gotoFirstChild()) {
    do {
      node.children.push(convert(cursor, code, depth + 1));
    } while (cursor.gotoNextSibling());
    cursor.gotoParent();
  }
  return node;
}

function failUnread(node: Syntax, cursor: Parser.TreeCursor): never {
  // The parser's error seldom begins at the mistake, but the last thing that it still recognized is usually close.
  const lastStart = cursor.gotoLastChild() ? cursor.startIndex : node.start;
  const first = node.code.token(node.start);
  const last = node.code.token(lastStart);
  const line = last && last.file === first?.file ? last.file.line(last.offset) : undefined;
  const until = line !== undefined && line !== placeOf(node)?.line ? `, up to line ${line} or so` : '';
  return fail(node, `the parser cannot read this${until}`);
}
