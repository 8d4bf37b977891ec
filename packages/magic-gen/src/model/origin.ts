import type { Syntax } from '../parse/code.js';
import type { Token } from '../preprocess/tokens.js';
import type { Constant, Origin } from './model.js';

/** A constant with its position among the declarations, which orders macros and enumerators together. */
export interface Placed {
  position: number;
  constant: Constant;
}

export function originOf(token: Token): Origin {
  return { file: token.file.name, line: token.file.line(token.offset) };
}

/** The first token of a node. */
export function tokenOf(node: Syntax): Token {
  const token = node.code.token(node.start);
  if (!token) throw new Error('a node without a token');
  return token;
}
