import type { AbiFunction, Expression, IntegerShape } from './model.js';

/** The result of a function of the model for these arguments; undefined where C leaves it undefined. */
export function compute({ body, parameters }: AbiFunction, args: readonly bigint[]): bigint | undefined {
  const values = parameters.map(({ type }, index) => cut(args[index] ?? 0n, type));
  try {
    return valueIn(body, values);
  } catch (error) {
    if (error instanceof Undefined) return undefined;
    throw error;
  }
}

/** An equal expression, simplified where parts are constant. */
export function simplify(expression: Expression): Expression {
  if (expression.kind === 'conditional' && expression.condition.kind === 'constant') {
    return expression.condition.value === '0' ? expression.no : expression.yes;
  }
  if (expression.kind === 'compare' && isZero(expression.right) && expression.left.kind === 'compare') {
    // `!(a == b)`
    const { left, operator } = expression;
    if (operator === '==') return { ...left, operator: opposite[left.operator] };
  }
  if (expression.kind === 'binary' && expression.operator === '<<' && isZero(expression.right)) return expression.left;
  if (expression.kind === 'parameter' || !operands(expression).every(({ kind }) => kind === 'constant'))
    return expression;
  try {
    return { type: expression.type, kind: 'constant', value: `${valueIn(expression, [])}` };
  } catch (error) {
    if (error instanceof Undefined) return expression;
    throw error;
  }
}

const opposite = { '==': '!=', '!=': '==', '<': '>=', '<=': '>', '>': '<=', '>=': '<' } as const;

function isZero(expression: Expression): boolean {
  return expression.kind === 'constant' && expression.value === '0';
}

/** The parts of an expression. */
export function operands(expression: Expression): Expression[] {
  switch (expression.kind) {
    case 'parameter':
    case 'constant':
      return [];
    case 'convert':
    case 'unary':
      return [expression.operand];
    case 'conditional':
      return [expression.condition, expression.yes, expression.no];
    default:
      return [expression.left, expression.right];
  }
}

class Undefined extends Error {}

function valueIn(expression: Expression, args: readonly bigint[]): bigint {
  const { type } = expression;
  const of = (part: Expression): bigint => valueIn(part, args);
  switch (expression.kind) {
    case 'constant':
      return BigInt(expression.value);
    case 'parameter':
      return args[expression.index] ?? 0n;
    case 'convert':
      return cut(of(expression.operand), type);
    case 'unary': {
      const operand = of(expression.operand);
      return expression.operator === '~' ? cut(~operand, type) : settle(-operand, type);
    }
    case 'binary':
      return binary(expression.operator, of(expression.left), of(expression.right), type);
    case 'compare':
      return compare(expression.operator, of(expression.left), of(expression.right)) ? 1n : 0n;
    case 'logical': {
      const left = of(expression.left) !== 0n;
      if (expression.operator === '&&' ? !left : left) return left ? 1n : 0n;
      return of(expression.right) === 0n ? 0n : 1n;
    }
    case 'conditional':
      return of(of(expression.condition) === 0n ? expression.no : expression.yes);
  }
}

function binary(operator: string, left: bigint, right: bigint, type: IntegerShape): bigint {
  switch (operator) {
    case '+':
      return settle(left + right, type);
    case '-':
      return settle(left - right, type);
    case '*':
      return settle(left * right, type);
    case '/':
    case '%': {
      if (right === 0n) throw new Undefined();
      const quotient = settle(left / right, type);
      return operator === '/' ? quotient : left - quotient * right;
    }
    case '&':
      return left & right;
    case '|':
      return left | right;
    case '^':
      return left ^ right;
    default: {
      if (right < 0n || right >= BigInt(type.size * 8)) throw new Undefined();
      return operator === '>>' ? left >> right : settle(left << right, type);
    }
  }
}

function compare(operator: string, left: bigint, right: bigint): boolean {
  switch (operator) {
    case '==':
      return left === right;
    case '!=':
      return left !== right;
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    default:
      return left >= right;
  }
}

/** An exact result converted to its type: an unsigned one wraps, a signed one must fit. */
function settle(exact: bigint, type: IntegerShape): bigint {
  const value = cut(exact, type);
  if (type.signed && value !== exact) throw new Undefined();
  return value;
}

function cut(value: bigint, { size, signed }: IntegerShape): bigint {
  return signed ? BigInt.asIntN(size * 8, value) : BigInt.asUintN(size * 8, value);
}
