import { NotConstantError } from '../errors.js';
import { evaluate } from '../language/evaluate.js';
import { commonType, type IntegerType, promote } from '../language/integers.js';
import type { Declarations } from '../layout/declarations.js';
import { notConstant, type Syntax, textOf } from '../parse/code.js';
import { Block } from './block.js';
import { simplify } from './compute.js';
import type { Expression, IntegerShape } from './model.js';
import { part, type Typed } from './typed.js';

/** How an expression names the parameters of its function. */
export interface Parameters {
  count: number;
  /** Undefined for a name that is not a parameter. */
  index(name: string): number | undefined;
  /** For messages. */
  name(index: number): string;
}

type Operator<K> = Extract<Expression, { kind: K; operator: string }>['operator'];
const arithmetic: ReadonlySet<string> = new Set<Operator<'binary'>>(['+', '-', '*', '/', '%', '&', '|', '^']);
const comparisons: ReadonlySet<string> = new Set<Operator<'compare'>>(['==', '!=', '<', '<=', '>', '>=']);

/**
 * Types every part of an expression, and the parameters: 64 bits where one is combined with or converted to 64 bits,
 * since its upper bits matter there; else 32.
 *
 * @throws NotConstantError where it is not an expression of integers.
 */
export function typeExpression(
  node: Syntax,
  scope: Declarations,
  parameters: Parameters,
): { expression: Expression; parameters: IntegerShape[] } {
  const typing = new Typing(scope, parameters);
  for (;;) {
    const before = typing.wide.size;
    const { expression } = typing.value(node, false);
    // A parameter that is wide in one place is wide everywhere, so everything is typed again.
    if (typing.wide.size > before) continue;
    const types = Array.from({ length: parameters.count }, (_, index) => shapeOf(typing.parameterType(index)));
    return { expression, parameters: types };
  }
}

export class Typing {
  readonly scope: Declarations;
  readonly wide = new Set<number>();
  readonly #parameters: Parameters;
  readonly #block: Block;

  constructor(scope: Declarations, parameters: Parameters) {
    this.scope = scope;
    this.#parameters = parameters;
    this.#block = new Block(this);
  }

  parameterType(index: number): IntegerType {
    return this.scope.integers[this.wide.has(index) ? 'unsigned long long' : 'unsigned int'];
  }

  /** @param wide Whether the result is used in something of 64 bits. */
  value(node: Syntax, wide: boolean): Typed {
    if (!this.#depends(node)) {
      const { value, type } = evaluate(node, this.scope);
      return { type, expression: { type: shapeOf(type, node), kind: 'constant', value: `${value}` } };
    }
    switch (node.type) {
      case 'identifier':
        return this.#block.variable(textOf(node)) ?? this.#parameter(node, wide);
      case 'parenthesized_expression': {
        const [inner, ...more] = node.children.filter((part) => part.named);
        if (!inner || more.length > 0) notConstant(node, 'not an expression');
        return inner.type === 'compound_statement' ? this.#block.value(inner, wide) : this.value(inner, wide);
      }
      case 'unary_expression':
        return this.#unary(node, wide);
      case 'binary_expression':
        return this.operation(node, part(node, 'left'), textOf(part(node, 'operator')), part(node, 'right'), wide);
      case 'conditional_expression':
        return this.#conditional(node, wide);
      case 'cast_expression':
        return this.#cast(node);
      case 'offsetof_expression':
        return notConstant(node, `its parameter ${this.#named(node)} is the name of a member`);
      case 'sizeof_expression':
      case 'alignof_expression':
        return notConstant(node, `asks for the size of its parameter ${this.#named(node)}`);
      default:
        return notConstant(node, `not an integer expression: ${node.type.replaceAll('_', ' ')}`);
    }
  }

  operation(node: Syntax, leftNode: Syntax, operator: string, rightNode: Syntax, wide: boolean): Typed {
    const { int } = this.scope.integers;
    if (operator === '<<' || operator === '>>') {
      const left = this.value(leftNode, wide);
      const type = promote(left.type, this.scope.integers);
      const right = this.value(rightNode, false).expression;
      return typed(type, { kind: 'binary', operator, left: this.convert(left, type), right });
    }
    if (operator === '&&' || operator === '||') {
      const [left, right] = [this.value(leftNode, false).expression, this.value(rightNode, false).expression];
      return typed(int, { kind: 'logical', operator, left, right });
    }
    if (arithmetic.has(operator)) {
      const { type, left, right } = this.#meet(leftNode, rightNode, wide);
      return typed(type, { kind: 'binary', operator: operator as Operator<'binary'>, left, right });
    }
    if (comparisons.has(operator)) {
      const { left, right } = this.#meet(leftNode, rightNode, false);
      return typed(int, { kind: 'compare', operator: operator as Operator<'compare'>, left, right });
    }
    return notConstant(node, `not an integer expression: '${operator}'`);
  }

  convert({ type, expression }: Typed, to: IntegerType): Expression {
    if (type.size === to.size && type.signed === to.signed) return expression;
    return simplify({ type: shapeOf(to), kind: 'convert', operand: expression });
  }

  /** Two operands, converted to their common type. */
  #meet(leftNode: Syntax, rightNode: Syntax, wide: boolean) {
    const common = (context: boolean) => {
      const left = this.value(leftNode, context);
      const right = this.value(rightNode, context);
      const type = commonType(left.type, right.type, this.scope.integers);
      return { type, left: this.convert(left, type), right: this.convert(right, type) };
    };
    const met = common(wide);
    return met.type.size === 8 && !wide ? common(true) : met;
  }

  #parameter(node: Syntax, wide: boolean): Typed {
    const index = this.#parameters.index(textOf(node));
    if (index === undefined) notConstant(node, `${textOf(node)} is not defined`);
    if (wide) this.wide.add(index);
    return typed(this.parameterType(index), { kind: 'parameter', index });
  }

  #unary(node: Syntax, wide: boolean): Typed {
    const operator = textOf(part(node, 'operator'));
    const { int } = this.scope.integers;
    const operand = this.value(part(node, 'argument'), operator !== '!' && wide);
    if (operator === '!') {
      const { expression } = operand;
      const zero: Expression = { type: expression.type, kind: 'constant', value: '0' };
      return typed(int, { kind: 'compare', operator: '==', left: expression, right: zero });
    }
    const type = promote(operand.type, this.scope.integers);
    const expression = this.convert(operand, type);
    if (operator === '+') return { type, expression };
    if (operator === '-' || operator === '~') return typed(type, { kind: 'unary', operator, operand: expression });
    return notConstant(node, `not an integer expression: '${operator}'`);
  }

  #conditional(node: Syntax, wide: boolean): Typed {
    const condition = this.value(part(node, 'condition'), false).expression;
    const met = this.#meet(part(node, 'consequence'), part(node, 'alternative'), wide);
    return typed(met.type, { kind: 'conditional', condition, yes: met.left, no: met.right });
  }

  #cast(node: Syntax): Typed {
    const descriptor = part(node, 'type');
    if (this.#depends(descriptor)) notConstant(node, `its parameter ${this.#named(descriptor)} is a type`);
    const type = this.scope.typeOf(descriptor);
    if (type?.kind !== 'integer' || type.base === '_Bool') notConstant(node, `a cast to ${textOf(descriptor)}`);
    return { type, expression: this.convert(this.value(part(node, 'value'), type.size === 8), type) };
  }

  /** Whether the value of a node depends on a parameter, or on a variable of a block. */
  #depends(node: Syntax): boolean {
    if (node.type === 'compound_statement') return true;
    if (node.children.length > 0) return node.children.some((each) => this.#depends(each));
    const text = textOf(node);
    return this.#parameters.index(text) !== undefined || this.#block.variable(text) !== undefined;
  }

  #named(node: Syntax): string {
    const index = node.children.length === 0 ? this.#parameters.index(textOf(node)) : undefined;
    if (index !== undefined) return `'${this.#parameters.name(index)}'`;
    return node.children.map((each) => this.#named(each)).find((name) => name !== '') ?? '';
  }
}

type Untyped<E> = E extends { type: IntegerShape } ? Omit<E, 'type'> : never;

function typed(type: IntegerType, expression: Untyped<Expression>): Typed {
  return { type, expression: simplify({ type: shapeOf(type), ...expression } as Expression) };
}

function shapeOf({ size, signed, name }: IntegerType, node?: Syntax): IntegerShape {
  if (size !== 1 && size !== 2 && size !== 4 && size !== 8) {
    if (node) notConstant(node, `computes in ${name}`);
    throw new NotConstantError(`computes in ${name}`);
  }
  return { size, signed };
}
