import { commonType, convert, fits, type Integers, type IntegerType, promote, unsignedOf } from './integers.js';
import type { Value } from './literals.js';

/** The result of an operator. `fault` says why C leaves it undefined. */
export interface Outcome extends Value {
  fault?: string;
}

/** `-`, `+`, `~` or `!` of a value; undefined for an operator that gives no integer constant. */
export function applyUnary(operator: string, operand: Value, integers: Integers): Outcome | undefined {
  if (operator === '!') return truth(operand.value === 0n, integers);
  const type = promote(operand.type, integers);
  switch (operator) {
    case '+':
      return { value: operand.value, type };
    case '-':
      return checked(-operand.value, type);
    case '~':
      return { value: convert(~operand.value, type), type };
    default:
      return undefined;
  }
}

/** A binary operator of two values; undefined for an operator that gives no integer constant. */
export function applyBinary(operator: string, left: Value, right: Value, integers: Integers): Outcome | undefined {
  if (operator === '<<' || operator === '>>') return shift(operator, left, right, integers);
  const type = commonType(left.type, right.type, integers);
  const a = convert(left.value, type);
  const b = convert(right.value, type);
  switch (operator) {
    case '+':
      return checked(a + b, type);
    case '-':
      return checked(a - b, type);
    case '*':
      return checked(a * b, type);
    case '/':
      return b === 0n ? { value: 0n, type, fault: 'division by zero' } : checked(a / b, type);
    case '%': {
      if (b === 0n) return { value: 0n, type, fault: 'division by zero' };
      // Where the quotient overflows, C leaves the remainder undefined too.
      return { ...checked(a / b, type), value: a % b };
    }
    case '&':
      return { value: convert(a & b, type), type };
    case '|':
      return { value: convert(a | b, type), type };
    case '^':
      return { value: convert(a ^ b, type), type };
    case '==':
      return truth(a === b, integers);
    case '!=':
      return truth(a !== b, integers);
    case '<':
      return truth(a < b, integers);
    case '<=':
      return truth(a <= b, integers);
    case '>':
      return truth(a > b, integers);
    case '>=':
      return truth(a >= b, integers);
    default:
      return undefined;
  }
}

export function truth(value: boolean, integers: Integers): Value {
  return { value: value ? 1n : 0n, type: integers.int };
}

function checked(exact: bigint, type: IntegerType): Outcome {
  const value = convert(exact, type);
  return type.signed && value !== exact ? { value, type, fault: overflow(exact, type) } : { value, type };
}

function shift(operator: string, left: Value, right: Value, integers: Integers): Outcome {
  const type = promote(left.type, integers);
  const bits = BigInt(type.size * 8);
  if (right.value < 0n || right.value >= bits) {
    return { value: 0n, type, fault: `a shift by ${right.value} in a type of ${bits} bits` };
  }
  if (operator === '>>') return { value: left.value >> right.value, type };
  const exact = left.value << right.value;
  const value = convert(exact, type);
  // A bit may be shifted into the sign, as in (1 << 31): every compiler gives the negative number. None may be lost.
  const kept = !type.signed || value === exact || fits(exact, unsignedOf(type, integers));
  return kept ? { value, type } : { value, type, fault: overflow(exact, type) };
}

function overflow(exact: bigint, type: IntegerType): string {
  return `integer overflow: ${exact} does not fit ${type.base}`;
}
