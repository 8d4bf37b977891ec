import { child, fail, notConstant, type Syntax, textOf } from '../parse/code.js';
import { applyBinary, applyUnary, type Outcome, truth } from './arithmetic.js';
import { commonType, convert, type Integers } from './integers.js';
import { parseCharacter, parseNumber, type Value } from './literals.js';
import { alignOf, type CType, describe, sizeOf } from './types.js';

/** What an expression can see of the program around it. */
export interface Scope {
  integers: Integers;
  /** The value of a name; undefined where it is unknown. */
  name(name: string): Value | undefined;
  /** The type that a `type_descriptor` or a name stands for; undefined where there are no types. */
  typeOf(node: Syntax): CType | undefined;
}

/**
 * The value of an integer constant expression by C's rules: operands are promoted, unsigned arithmetic wraps, and what
 * C leaves undefined (overflow, division by zero) is an error.
 *
 * @throws NotConstantError where C does not fold the expression to an integer.
 */
export function evaluate(node: Syntax, scope: Scope): Value {
  return new Evaluation(scope).value(node, true);
}

class Evaluation {
  readonly #scope: Scope;
  readonly #integers: Integers;

  constructor(scope: Scope) {
    this.#scope = scope;
    this.#integers = scope.integers;
  }

  /** @param used False in the branch that `?:`, `&&` or `||` skips: its type counts, but it may divide by zero. */
  value(node: Syntax, used: boolean): Value {
    switch (node.type) {
      case 'number_literal': {
        const literal = parseNumber(textOf(node), this.#integers);
        if (literal === null) fail(node, `${textOf(node)} fits no integer type`);
        return literal ?? notConstant(node, `${textOf(node)} is not an integer`);
      }
      case 'char_literal':
        return (
          parseCharacter(textOf(node), this.#integers) ?? notConstant(node, `${textOf(node)} is not one character`)
        );
      case 'identifier': {
        const name = textOf(node);
        return this.#scope.name(name) ?? notConstant(node, `${name} is not defined`);
      }
      case 'parenthesized_expression': {
        const [inner, ...more] = node.children.filter((part) => part.named);
        if (!inner || more.length > 0) notConstant(node, 'not an expression');
        return this.value(inner, used);
      }
      case 'unary_expression':
        return this.#unary(node, used);
      case 'binary_expression':
        return this.#binary(node, used);
      case 'conditional_expression':
        return this.#conditional(node, used);
      case 'cast_expression':
        return this.#cast(node, used);
      case 'sizeof_expression':
        return this.#sizeof(node);
      case 'alignof_expression': {
        const type = this.#type(this.#part(node, 'type'));
        if (sizeOf(type) === undefined) notConstant(node, `${describe(type)} has no alignment`);
        return this.#size(alignOf(type));
      }
      case 'offsetof_expression':
        return this.#offsetof(node);
      case 'string_literal':
      case 'concatenated_string':
        return notConstant(node, 'a string, not an integer');
      default:
        return notConstant(node, `not an integer constant: ${node.type.replaceAll('_', ' ')}`);
    }
  }

  #part(node: Syntax, field: string): Syntax {
    return child(node, field) ?? notConstant(node, 'not an expression');
  }

  #unary(node: Syntax, used: boolean): Value {
    const operand = this.value(this.#part(node, 'argument'), used);
    const operator = textOf(this.#part(node, 'operator'));
    return this.#settle(node, operator, applyUnary(operator, operand, this.#integers), used);
  }

  #binary(node: Syntax, used: boolean): Value {
    const operator = textOf(this.#part(node, 'operator'));
    const rightNode = this.#part(node, 'right');
    const left = this.value(this.#part(node, 'left'), used);
    if (operator === '&&' || operator === '||') {
      const decided = (left.value !== 0n) === (operator === '||');
      const right = this.value(rightNode, used && !decided);
      return truth(decided ? operator === '||' : right.value !== 0n, this.#integers);
    }
    const right = this.value(rightNode, used);
    return this.#settle(node, operator, applyBinary(operator, left, right, this.#integers), used);
  }

  #settle(node: Syntax, operator: string, outcome: Outcome | undefined, used: boolean): Value {
    if (!outcome) notConstant(node, `not an integer constant: '${operator}'`);
    if (outcome.fault !== undefined && used) fail(node, outcome.fault);
    return { value: outcome.value, type: outcome.type };
  }

  #conditional(node: Syntax, used: boolean): Value {
    const condition = this.value(this.#part(node, 'condition'), used).value !== 0n;
    const yes = this.value(this.#part(node, 'consequence'), used && condition);
    const no = this.value(this.#part(node, 'alternative'), used && !condition);
    const type = commonType(yes.type, no.type, this.#integers);
    return { value: convert(condition ? yes.value : no.value, type), type };
  }

  #size(value: number): Value {
    // size_t is as wide as a pointer. Compilers use `unsigned long` for it where that is as wide, else `unsigned int`.
    const type = this.#integers[this.#integers.long.size === 8 ? 'unsigned long' : 'unsigned int'];
    return { value: BigInt(value), type };
  }

  #type(node: Syntax): CType {
    return this.#scope.typeOf(node) ?? notConstant(node, `${textOf(node)} is not defined`);
  }

  #cast(node: Syntax, used: boolean): Value {
    const type = this.#type(this.#part(node, 'type'));
    const operand = this.value(this.#part(node, 'value'), used);
    if (type.kind === 'integer') return { value: convert(operand.value, type), type };
    if (type.kind === 'enum' && sizeOf(type) !== undefined)
      return { value: convert(operand.value, type.integer), type: type.integer };
    return notConstant(node, `a cast to ${describe(type)}`);
  }

  #sizeof(node: Syntax): Value {
    const named = child(node, 'type');
    if (!named) {
      // The operand is not evaluated; only its type counts.
      return this.#size(this.value(this.#part(node, 'value'), false).type.size);
    }
    const type = this.#type(named);
    const size = sizeOf(type);
    return size === undefined ? notConstant(node, `${describe(type)} has no size`) : this.#size(size);
  }

  #offsetof(node: Syntax): Value {
    const type = this.#type(this.#part(node, 'type'));
    const name = textOf(this.#part(node, 'member'));
    const offset = type.kind === 'record' ? offsetOfMember(type, name) : undefined;
    return offset === undefined ? notConstant(node, `${describe(type)} has no member ${name}`) : this.#size(offset);
  }
}

/** The offset of a member, `a` or `a.b`; as in C, it may be inside anonymous records. */
function offsetOfMember(type: CType & { kind: 'record' }, name: string): number | undefined {
  const [first, ...rest] = name.split('.');
  for (const member of type.record.members) {
    if (member.name === first) {
      if (rest.length === 0) return member.bits ? undefined : member.offset;
      const inner = member.type.kind === 'record' ? offsetOfMember(member.type, rest.join('.')) : undefined;
      return inner === undefined ? undefined : member.offset + inner;
    }
    if (member.name === null && member.type.kind === 'record') {
      const inner = offsetOfMember(member.type, name);
      if (inner !== undefined) return member.offset + inner;
    }
  }
  return undefined;
}
