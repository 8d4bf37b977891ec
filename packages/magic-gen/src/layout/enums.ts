import { evaluate } from '../language/evaluate.js';
import { fits, type IntegerType } from '../language/integers.js';
import type { EnumType } from '../language/types.js';
import { child, fail, nameOf, type Syntax } from '../parse/code.js';
import { readAttributes } from './attributes.js';
import type { Declarations, Enumerator } from './declarations.js';
import { definitionAttributes } from './declarators.js';

export interface EnumDefinition {
  tag: string | null;
  type: EnumType;
  members: string[];
  node: Syntax;
}

/** Takes in an enum that is defined, or finds the one that is named. */
export function defineEnum(node: Syntax, scope: Declarations): EnumDefinition {
  const nameNode = child(node, 'name');
  const tag = nameNode ? nameOf(nameNode) : null;
  const body = child(node, 'body');
  const before = tag === null ? undefined : scope.tags.get(tag);
  if (!body) {
    if (before && 'type' in before) return before;
    fail(node, before ? `'${tag}' is not an enum` : `unknown enum '${tag}'`);
  }
  if (before) fail(node, `'${tag}' is defined twice`);
  const attributes = readAttributes(definitionAttributes(node));
  if (attributes.packed) fail(node, 'a packed enum is not supported');
  if (attributes.aligned.length > 0) fail(node, 'an aligned enum is not supported');
  const underlying = child(node, 'underlying_type');
  if (underlying) fail(underlying, 'an enum of a chosen type is not supported');

  const { int } = scope.integers;
  const found: Enumerator[] = [];
  let value = -1n;
  for (const part of body.children.filter((each) => each.type === 'enumerator')) {
    const name = nameOf(child(part, 'name') ?? part);
    const expression = child(part, 'value');
    value = expression ? evaluate(expression, scope).value : value + 1n;
    if (scope.enumerators.has(name)) fail(part, `enumerator '${name}' is defined twice`);
    const enumerator = { name, value, type: int, node: part };
    // Known to the expressions after it.
    scope.enumerators.set(name, enumerator);
    found.push(enumerator);
  }
  const integer = integerOf(found, scope, node);
  // C says `int`; compilers give an enumerator that does not fit it the type of the enum.
  for (const enumerator of found) if (!fits(enumerator.value, int)) enumerator.type = integer;

  const definition: EnumDefinition = {
    tag,
    type: { kind: 'enum', name: tag ?? '', integer, align: integer.align },
    members: found.map((enumerator) => enumerator.name),
    node,
  };
  if (tag !== null) scope.tags.set(tag, definition);
  scope.enums.push(definition);
  return definition;
}

/** The integer type compilers give an enum: the first that holds all its values, unsigned where none is negative. */
function integerOf(found: readonly Enumerator[], scope: Declarations, node: Syntax): IntegerType {
  const negative = found.some((enumerator) => enumerator.value < 0n);
  const { integers } = scope;
  const candidates = negative
    ? [integers.int, integers.long, integers['long long']]
    : [integers['unsigned int'], integers['unsigned long'], integers['unsigned long long']];
  const type = candidates.find((candidate) => found.every((enumerator) => fits(enumerator.value, candidate)));
  return type ?? fail(node, 'the values of this enum fit no integer type');
}
