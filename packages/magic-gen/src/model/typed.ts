import type { IntegerType } from '../language/integers.js';
import { child, notConstant, type Syntax } from '../parse/code.js';
import type { Expression } from './model.js';

/** An expression with its C type, including its conversion rank. */
export interface Typed {
  type: IntegerType;
  expression: Expression;
}

/** A part that every expression of its kind has. */
export function part(node: Syntax, field: string): Syntax {
  return child(node, field) ?? notConstant(node, 'not an expression');
}
