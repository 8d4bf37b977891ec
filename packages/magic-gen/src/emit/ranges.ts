import type { Expression, IntegerShape } from '../model/model.js';

/** The values that something can have, from the least to the greatest. */
export interface Range {
  low: bigint;
  high: bigint;
}

export function rangeOfType({ size, signed }: IntegerShape): Range {
  const bits = BigInt(size * 8);
  return signed ? { low: -(1n << (bits - 1n)), high: (1n << (bits - 1n)) - 1n } : { low: 0n, high: (1n << bits) - 1n };
}

/** The values that an expression can have. */
export function rangeOf(expression: Expression): Range {
  const exact = exactRange(expression);
  return exact && within(exact, rangeOfType(expression.type)) ? exact : rangeOfType(expression.type);
}

/** Whether the exact result of an operation may not fit its type, so that it has to be wrapped. */
export function mayLeaveType(expression: Expression): boolean {
  const exact = exactRange(expression);
  return !exact || !within(exact, rangeOfType(expression.type));
}

function within(inner: Range, outer: Range): boolean {
  return inner.low >= outer.low && inner.high <= outer.high;
}

/** The values before wrapping; undefined where nothing is known about them. */
function exactRange(expression: Expression): Range | undefined {
  switch (expression.kind) {
    case 'constant':
      return { low: BigInt(expression.value), high: BigInt(expression.value) };
    case 'parameter':
      return rangeOfType(expression.type);
    case 'convert':
      return rangeOf(expression.operand);
    case 'unary': {
      const { low, high } = rangeOf(expression.operand);
      return expression.operator === '-' ? { low: -high, high: -low } : { low: ~high, high: ~low };
    }
    case 'binary':
      return rangeOfBinary(expression);
    case 'conditional': {
      const [yes, no] = [rangeOf(expression.yes), rangeOf(expression.no)];
      return { low: least(yes.low, no.low), high: -least(-yes.high, -no.high) };
    }
    default:
      return { low: 0n, high: 1n };
  }
}

function rangeOfBinary({ operator, left, right, type }: Extract<Expression, { kind: 'binary' }>): Range | undefined {
  const [a, b] = [rangeOf(left), rangeOf(right)];
  const positive = a.low >= 0n && b.low >= 0n;
  const shiftable = positive && b.high < BigInt(type.size * 8);
  switch (operator) {
    case '+':
      return { low: a.low + b.low, high: a.high + b.high };
    case '-':
      return { low: a.low - b.high, high: a.high - b.low };
    case '*':
      return positive ? { low: a.low * b.low, high: a.high * b.high } : undefined;
    case '<<':
      return shiftable ? { low: a.low << b.low, high: a.high << b.high } : undefined;
    // The remaining operators never leave the type of their operands.
    case '>>':
      return shiftable ? { low: a.low >> b.high, high: a.high >> b.low } : rangeOfType(type);
    case '/':
      return positive ? { low: 0n, high: a.high } : rangeOfType(type);
    case '%':
      return positive && b.high > 0n ? { low: 0n, high: least(a.high, b.high - 1n) } : rangeOfType(type);
    case '&':
      return positive ? { low: 0n, high: least(a.high, b.high) } : rangeOfType(type);
    case '|':
    case '^': {
      const bits = BigInt((a.high | b.high).toString(2).length);
      return positive ? { low: 0n, high: (1n << bits) - 1n } : rangeOfType(type);
    }
  }
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
