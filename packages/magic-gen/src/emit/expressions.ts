import type { Expression, IntegerShape } from '../model/model.js';
import { mayLeaveType, rangeOf } from './ranges.js';

/** A piece of TypeScript, and its outermost operator, which decides about parentheses. */
interface Piece {
  text: string;
  /** A binary operator, `?` for a conditional; null for what never needs parentheses. */
  top: string | null;
  /**
   * The names whose type TypeScript narrows to the value they were compared with: where a condition holds, and where it
   * does not.
   */
  whenTrue?: readonly string[];
  whenFalse?: readonly string[];
}

/** What a function's body needs from its surroundings. */
export interface BodyContext {
  /** The function's name, for messages. */
  name: string;
  /** The parameters, once checked: bigints for those of 8 bytes, else numbers. */
  parameters: readonly string[];
  /** Records that the body uses a check, and returns the check's name. */
  use(check: 'integer' | 'bigInteger'): string;
  /** Called for each part, which may get a name of its own where it is too long. Returns the text to write for it. */
  hoist(text: string): string;
}

/**
 * The TypeScript for an expression of the model. Bigints compute what has 8 bytes, numbers the rest; both give C's
 * results. What C leaves undefined throws a RangeError, if it can happen.
 */
export function spellExpression(expression: Expression, around: BodyContext): string {
  return new Spelling(around).value(expression).text;
}

type Binary = Extract<Expression, { kind: 'binary' }>;

class Spelling {
  readonly #context: BodyContext;
  /** The names that TypeScript has narrowed here, by a condition around this expression. */
  #narrowed: readonly string[] = [];

  constructor(around: BodyContext) {
    this.#context = around;
  }

  value(expression: Expression): Piece {
    return this.#named(this.#whole(expression));
  }

  #whole(expression: Expression): Piece {
    switch (expression.kind) {
      case 'constant':
        return atom(literal(BigInt(expression.value), expression.type));
      case 'parameter':
        return atom(this.#context.parameters[expression.index] ?? '');
      case 'convert':
        return this.#convert(expression.operand, expression.type);
      case 'unary':
        return this.#unary(expression);
      case 'binary':
        return settle(this.#exact(expression, mayLeaveType(expression)), expression);
      case 'conditional': {
        const { condition, yes, no } = expression;
        const truth = this.#truth(condition);
        const ifTrue = this.#where(truth.whenTrue, () => this.value(yes));
        return this.#choice(
          truth,
          ifTrue,
          this.#where(truth.whenFalse, () => this.value(no)),
        );
      }
      default:
        return this.#choice(
          this.#truth(expression),
          atom(literal(1n, expression.type)),
          atom(literal(0n, expression.type)),
        );
    }
  }

  /** A result that need not fit its type, because only bits that are right in any case are used. */
  #loose(expression: Expression): Piece {
    return expression.kind === 'binary' ? this.#named(this.#exact(expression, true)) : this.value(expression);
  }

  #named(piece: Piece): Piece {
    const text = this.#context.hoist(piece.text);
    return text === piece.text ? piece : { ...piece, ...atom(text) };
  }

  #convert(operand: Expression, type: IntegerShape): Piece {
    const truth = operand.kind === 'compare' || operand.kind === 'logical';
    if (truth) return this.#choice(this.#truth(operand), atom(literal(1n, type)), atom(literal(0n, type)));
    const { low, high } = rangeOf(operand);
    const fits = low >= 0n && high < 1n << BigInt(type.size * 8 - (type.signed ? 1 : 0));
    const inner = this.value(operand);
    const { text } = inner;
    const kept = type.signed ? 'asIntN' : 'asUintN';
    if (isBig(type)) {
      const wide = isBig(operand.type) ? inner : atom(`BigInt(${text})`);
      return fits ? wide : atom(`BigInt.${kept}(64, ${wide.text})`);
    }
    if (isBig(operand.type)) return atom(`Number(${fits ? text : `BigInt.${kept}(${type.size * 8}, ${text})`})`);
    return fits ? inner : intoNumber(inner, type);
  }

  #unary({ operator, operand, type }: Extract<Expression, { kind: 'unary' }>): Piece {
    const inner = this.value(operand);
    const exact = atom(`${operator}${inner.top === null ? inner.text : `(${inner.text})`}`);
    if (operator === '~' && type.signed) return exact;
    if (isBig(type)) return atom(`BigInt.${type.signed ? 'asIntN' : 'asUintN'}(64, ${exact.text})`);
    return intoNumber(exact, type);
  }

  /** @param cut Whether only the type's low bits of the result are used. */
  #exact(expression: Binary, cut: boolean): Piece {
    const { operator, left, right, type } = expression;
    switch (operator) {
      case '<<':
      case '>>':
        return this.#shift(expression, cut);
      case '/':
      case '%': {
        const result = join(this.value(left), operator, this.#divisor(right));
        return operator === '/' && !isBig(type) ? atom(`Math.trunc(${result.text})`) : result;
      }
      case '*':
        if (isBig(type)) break;
        return mayLeaveType(expression)
          ? atom(`Math.imul(${this.value(left).text}, ${this.value(right).text})`)
          : join(this.value(left), operator, this.value(right));
      case '&':
        // A mask without upper bits removes those of the other side.
        if ([left, right].some((side) => side.kind === 'constant' && rangeOf(side).low >= 0n)) {
          return join(this.#loose(left), operator, this.#loose(right));
        }
    }
    const loose = cut || wrapsItself(operator, type);
    return join(this.#operand(left, loose), operator, this.#operand(right, loose));
  }

  #operand(expression: Expression, loose: boolean): Piece {
    return loose ? this.#loose(expression) : this.value(expression);
  }

  #shift({ operator, left, right, type }: Binary, cut: boolean): Piece {
    const bits = type.size * 8;
    const count = rangeOf(right);
    const big = isBig(type);
    let amount = this.value(right);
    if (right.kind === 'constant') amount = atom(big ? `${right.value}n` : right.value);
    else if (big && !isBig(right.type)) amount = atom(`BigInt(${amount.text})`);
    else if (!big && isBig(right.type)) amount = atom(`Number(${amount.text})`);
    if (count.low < 0n || count.high >= BigInt(bits))
      amount = this.#checked(amount, 0n, BigInt(bits - 1), big, 'shift');
    if (operator === '<<') return join(this.#operand(left, cut || wrapsItself(operator, type)), operator, amount);
    return join(this.value(left), type.signed || big ? '>>' : '>>>', amount);
  }

  #divisor(right: Expression): Piece {
    const divisor = this.value(right);
    const { low, high } = rangeOf(right);
    return low > 0n || high < 0n ? divisor : this.#checked(divisor, 1n, high, isBig(right.type), 'divisor');
  }

  #checked({ text }: Piece, low: bigint, high: bigint, big: boolean, what: string): Piece {
    const bounds = big ? `${low}n, ${high}n` : `${low}, ${high}`;
    return atom(
      `${this.#context.use(big ? 'bigInteger' : 'integer')}(${text}, ${bounds}, '${this.#context.name}: ${what}')`,
    );
  }

  #truth(expression: Expression): Piece {
    return this.#named(this.#condition(expression));
  }

  #condition(expression: Expression): Piece {
    if (expression.kind === 'compare') {
      const operator = { '==': '===', '!=': '!==' }[expression.operator as string] ?? expression.operator;
      const [left, right] = [this.value(expression.left), this.value(expression.right)];
      return operator === '===' || operator === '!=='
        ? this.#equality(expression.left, left, operator, right)
        : join(left, operator, right);
    }
    if (expression.kind === 'logical') {
      const left = this.#truth(expression.left);
      const right = this.#where(expression.operator === '&&' ? left.whenTrue : left.whenFalse, () =>
        this.#truth(expression.right),
      );
      return {
        ...join(left, expression.operator, right),
        whenTrue: [...(left.whenTrue ?? []), ...(right.whenTrue ?? [])],
        whenFalse: [...(left.whenFalse ?? []), ...(right.whenFalse ?? [])],
      };
    }
    return this.#equality(expression, this.value(expression), '!==', atom(literal(0n, expression.type)));
  }

  /** The text of an expression in which a condition has narrowed names. */
  #where<T>(narrowed: readonly string[] = [], spell: () => T): T {
    const before = this.#narrowed;
    this.#narrowed = [...before, ...narrowed];
    const result = spell();
    this.#narrowed = before;
    return result;
  }

  /**
   * TypeScript refuses to compare values that it knows to differ, so the left one is widened where that is possible.
   */
  #equality(expression: Expression, left: Piece, operator: '===' | '!==', right: Piece): Piece {
    const names = [left, right].map(({ text }) => text).filter((text) => /^[A-Za-z_$][\w$]*$/.test(text));
    const inner = left.top === null ? left.text : `(${left.text})`;
    const type = isBig(expression.type) ? 'bigint' : 'number';
    const piece = join(this.#isKnown(expression, left) ? atom(`(${inner} as ${type})`) : left, operator, right);
    return operator === '===' ? { ...piece, whenTrue: names } : { ...piece, whenFalse: names };
  }

  /** Whether TypeScript may infer a type of only a few values for an expression. */
  #isKnown(expression: Expression, { text }: Piece = atom('')): boolean {
    if (this.#narrowed.includes(text)) return true;
    switch (expression.kind) {
      case 'parameter':
        return this.#narrowed.includes(this.#context.parameters[expression.index] ?? '');
      case 'convert':
      case 'unary':
        return this.#isKnown(expression.operand);
      case 'binary':
        return false;
      case 'conditional': {
        // A branch may have been narrowed by its condition, which is not examined here.
        return [expression.yes, expression.no].every((each) => each.kind === 'parameter' || this.#isKnown(each));
      }
      default:
        return true;
    }
  }

  #choice(condition: Piece, yes: Piece, no: Piece): Piece {
    const first = yes.top === '?' ? `(${yes.text})` : yes.text;
    return { text: `${condition.text} ? ${first} : ${no.text}`, top: '?' };
  }
}

const atom = (text: string): Piece => ({ text, top: null });

function isBig({ size }: IntegerShape): boolean {
  return size === 8;
}

function literal(value: bigint, type: IntegerShape): string {
  const digits = value > 99n ? `0x${value.toString(16)}` : `${value}`;
  return isBig(type) ? `${digits}n` : digits;
}

/** JavaScript's bitwise operators use only 32 bits of number operands. */
function wrapsItself(operator: string, { size }: IntegerShape): boolean {
  return size === 4 && ['&', '|', '^', '<<'].includes(operator);
}

/** Wraps the exact result of an operation to its type. */
function settle(piece: Piece, expression: Binary): Piece {
  const { type, operator } = expression;
  if (isBig(type)) {
    if (!mayLeaveType(expression)) return piece;
    return atom(`BigInt.${type.signed ? 'asIntN' : 'asUintN'}(64, ${piece.text})`);
  }
  // Those operators give signed 32-bit results.
  const bitwise = wrapsItself(operator, type) || piece.text.startsWith('Math.imul(');
  const signed = bitwise && rangeOf(expression).high > 0x7fff_ffffn;
  if (type.signed ? !bitwise && mayLeaveType(expression) : signed || mayLeaveType(expression))
    return intoNumber(piece, type);
  return piece;
}

function intoNumber(piece: Piece, { size, signed }: IntegerShape): Piece {
  if (size === 4) return join(piece, signed ? '|' : '>>>', atom('0'));
  if (!signed) return join(piece, '&', atom(size === 1 ? '0xff' : '0xffff'));
  const shift = atom(`${32 - size * 8}`);
  return join(join(piece, '<<', shift), '>>', shift);
}

function join(left: Piece, operator: string, right: Piece): Piece {
  const text = `${bracket(left, operator, 'left')} ${operator} ${bracket(right, operator, 'right')}`;
  return { text, top: operator };
}

const bitwise = new Set(['&', '|', '^', '<<', '>>', '>>>']);
const products = new Set(['*', '/', '%']);
const sums = new Set(['+', '-']);

function bracket({ text, top }: Piece, parent: string, side: 'left' | 'right'): string {
  return top !== null && needsBrackets(top, parent, side) ? `(${text})` : text;
}

/** Where biome wants parentheses. It removes those that precedence makes redundant, except around mixed operators. */
function needsBrackets(inner: string, parent: string, side: 'left' | 'right'): boolean {
  if (inner === '?') return true;
  if (bitwise.has(parent)) return !(inner === parent && side === 'left' && ['&', '|', '^'].includes(parent));
  if (products.has(parent)) return !(products.has(inner) && side === 'left' && inner === parent && inner !== '%');
  if (sums.has(parent)) return !(products.has(inner) ? inner !== '%' : sums.has(inner) && side === 'left');
  if (parent === '&&' || parent === '||') return inner === '&&' || inner === '||' ? inner !== parent : false;
  return !(products.has(inner) || sums.has(inner) || ['<<', '>>', '>>>'].includes(inner));
}
