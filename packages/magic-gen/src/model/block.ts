import type { IntegerType } from '../language/integers.js';
import type { Declarations } from '../layout/declarations.js';
import { child, notConstant, type Syntax, textOf } from '../parse/code.js';
import { operands } from './compute.js';
import type { Expression } from './model.js';
import { part, type Typed } from './typed.js';

/**
 * A variable is replaced by its value wherever it is used, so `a = a + a` doubles the size. No header comes near this.
 */
const sizeLimit = 1000;

/** What types the expressions in a block. */
export interface Typing {
  readonly scope: Declarations;
  value(node: Syntax, wide: boolean): Typed;
  operation(node: Syntax, left: Syntax, operator: string, right: Syntax, wide: boolean): Typed;
  convert(value: Typed, type: IntegerType): Expression;
}

/**
 * The variables of `({ int a = 1; a += 2; a; })`, GNU's statement expression. Without branches, each variable always
 * holds a value that one expression can state, and so does the whole block.
 */
export class Block {
  readonly #typing: Typing;
  readonly #variables = new Map<string, Typed>();
  readonly #sizes = new WeakMap<Expression, number>();

  constructor(typing: Typing) {
    this.#typing = typing;
  }

  variable(name: string): Typed | undefined {
    return this.#variables.get(name);
  }

  /** The value of a whole block. */
  value(block: Syntax, wide: boolean): Typed {
    const outer = new Map(this.#variables);
    const statements = block.children.filter((each) => each.named);
    const last = statements.pop();
    for (const statement of statements) {
      if (statement.type === 'declaration') this.#declare(statement);
      else this.#assign(statement);
    }
    const result = last?.type === 'expression_statement' ? last.children.find((each) => each.named) : undefined;
    if (!result) notConstant(block, 'a block without a value');
    const value = this.#typing.value(result, wide);
    this.#variables.clear();
    for (const [name, each] of outer) this.#variables.set(name, each);
    return value;
  }

  #declare(statement: Syntax): void {
    const type = this.#typing.scope.typeOf(part(statement, 'type'));
    if (type?.kind !== 'integer') notConstant(statement, `a variable of type ${textOf(part(statement, 'type'))}`);
    for (const declarator of statement.children.filter((each) => each.field === 'declarator')) {
      const name = child(declarator, 'declarator');
      const value = child(declarator, 'value');
      if (name?.type !== 'identifier' || !value) notConstant(statement, 'a variable without a value');
      this.#set(name, this.#typing.value(value, type.size === 8), type);
    }
  }

  /** `a = 1;` and `a += 1;`. */
  #assign(statement: Syntax): void {
    const [assignment] = statement.children;
    if (statement.type !== 'expression_statement' || assignment?.type !== 'assignment_expression') {
      notConstant(statement, `a statement other than an assignment: ${statement.type.replaceAll('_', ' ')}`);
    }
    const target = part(assignment, 'left');
    const { type } = this.#variables.get(textOf(target)) ?? notConstant(target, `${textOf(target)} is not a variable`);
    const operator = textOf(part(assignment, 'operator')).slice(0, -1);
    const right = part(assignment, 'right');
    const wide = type.size === 8;
    const value =
      operator === ''
        ? this.#typing.value(right, wide)
        : this.#typing.operation(assignment, target, operator, right, wide);
    this.#set(target, value, type);
  }

  #set(name: Syntax, value: Typed, type: IntegerType): void {
    const expression = this.#typing.convert(value, type);
    if (this.#size(expression) > sizeLimit) notConstant(name, `the value of '${textOf(name)}' grows too large`);
    this.#variables.set(textOf(name), { type, expression });
  }

  /** The number of parts of an expression, written out. */
  #size(expression: Expression): number {
    const known = this.#sizes.get(expression);
    if (known !== undefined) return known;
    const size = operands(expression).reduce((sum, part) => sum + this.#size(part), 1);
    this.#sizes.set(expression, size);
    return size;
  }
}
