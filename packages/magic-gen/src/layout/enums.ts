import { evaluate } from '../language/evaluate.js';
import { convert, fits, type IntegerType } from '../language/integers.js';
import type { Value } from '../language/literals.js';
import type { EnumType } from '../language/types.js';
import { child, fail, nameOf, type Syntax } from '../parse/code.js';
import { readAttributes } from './attributes.js';
import type { Declarations, Enumerator } from './declarations.js';
import { definitionAttributes } from './declarators.js';

export interface EnumDefinition {
  tag: string | null;
  type: EnumType;
  /** False where the enum has only been named so far. */
  complete: boolean;
  members: string[];
  node: Syntax;
}

/** Processes an enum that is defined; finds or announces one that is only named. */
export function defineEnum(node: Syntax, scope: Declarations): EnumDefinition {
  const nameNode = child(node, 'name');
  const tag = nameNode ? nameOf(nameNode) : null;
  const body = child(node, 'body');
  const before = tag === null ? undefined : scope.tags.get(tag);
  if (before && !('type' in before)) fail(node, `'${tag}' is defined as something else`);
  const underlying = child(node, 'underlying_type');
  if (underlying) fail(underlying, 'an enum of a chosen type is not supported');
  const definition = before ?? announced(tag, node, scope);
  if (tag !== null) scope.tags.set(tag, definition);
  if (!body) return definition;

  if (definition.complete) fail(node, `'${tag}' is defined twice`);
  const attributes = readAttributes(definitionAttributes(node));
  if (attributes.packed) fail(node, 'a packed enum is not supported');
  if (attributes.aligned.length > 0) fail(node, 'an aligned enum is not supported');
  const found = readEnumerators(body, scope);
  Object.assign(definition.type.integer, integerOf(found, scope));
  settle(found, definition.type.integer, scope);
  definition.complete = true;
  definition.members = found.map(({ name }) => name);
  definition.node = node;
  scope.enums.push(definition);
  return definition;
}

function announced(tag: string | null, node: Syntax, { integers }: Declarations): EnumDefinition {
  const integer = { ...integers.int, size: 0, align: 1 };
  return { tag, type: { kind: 'enum', name: tag ?? '', integer, align: null }, complete: false, members: [], node };
}

/** The enumerators, with the values and types they have until the type of the enum is known. */
function readEnumerators(body: Syntax, scope: Declarations): Enumerator[] {
  const { int } = scope.integers;
  const found: Enumerator[] = [];
  let next: Value = { value: 0n, type: int };
  for (const part of body.children.filter((each) => each.type === 'enumerator')) {
    const name = nameOf(child(part, 'name') ?? part);
    const expression = child(part, 'value');
    const { value, type } = expression ? evaluate(expression, scope) : next;
    if (scope.enumerators.has(name)) fail(part, `enumerator '${name}' is defined twice`);
    const enumerator = { name, value, type: fits(value, int) ? int : type, node: part };
    found.push(enumerator);
    // Later expressions can use it.
    scope.enumerators.set(name, enumerator);
    const wide = wideEnough(value + 1n, enumerator.type, scope);
    // Where no type is wide enough, compilers warn and the value wraps.
    next = { value: convert(value + 1n, wide), type: wide };
  }
  return found;
}

/** The type of an enumerator without an explicit value: that of the one before it, or the next larger one. */
function wideEnough(value: bigint, type: IntegerType, { integers }: Declarations): IntegerType {
  if (fits(value, type)) return type;
  const wider = type.signed
    ? [integers.long, integers['long long']]
    : [integers['unsigned long'], integers['unsigned long long']];
  return wider.find(({ size }) => size === type.size * 2) ?? type;
}

/** Gives the enumerators the types they have after the enum, and their values in these types. */
function settle(found: readonly Enumerator[], integer: IntegerType, scope: Declarations): void {
  const { int } = scope.integers;
  for (const enumerator of found) {
    // C says `int`. Compilers give an enumerator that does not fit it the type of the enum.
    const type = fits(enumerator.value, int) ? int : integer;
    scope.enumerators.set(enumerator.name, { ...enumerator, type, value: convert(enumerator.value, type) });
  }
}

/**
 * The integer type that compilers give an enum: the first that holds all its values, unsigned if none is negative; the
 * largest if none does.
 */
function integerOf(found: readonly Enumerator[], { integers }: Declarations): IntegerType {
  const negative = found.some((enumerator) => enumerator.value < 0n);
  const candidates = negative ? [integers.int, integers.long] : [integers['unsigned int'], integers['unsigned long']];
  const largest = negative ? integers['long long'] : integers['unsigned long long'];
  return candidates.find((candidate) => found.every(({ value }) => fits(value, candidate))) ?? largest;
}
