import { alignOf, type CType, sizeOf } from '../language/types.js';
import { type Attribute, child, fail, nameOf, notConstant, type Syntax } from '../parse/code.js';
import type { Declarations } from './declarations.js';
import { sizeLimit } from './record.js';

/** One of the names in a declaration. */
export interface Declarator {
  node: Syntax;
  index: number;
  /** The width of a bitfield, as an unevaluated expression. */
  width: Syntax | null;
}

/** The declarators of a member, typedef or variable, in order. */
export function declarators(declaration: Syntax): Declarator[] {
  const found: Declarator[] = [];
  for (const part of declaration.children) {
    if (part.field === 'declarator') found.push({ node: part, index: found.length, width: null });
    const last = found.at(-1);
    if (part.type === 'bitfield_clause' && last) {
      last.width = part.children.find((inner) => inner.named) ?? fail(part, 'a bitfield without a width');
    }
  }
  return found;
}

/** The type and name that a declarator makes from a base type: `*a[3]` is an array of pointers called `a`. */
export function shape(base: CType, node: Syntax, scope: Declarations): { type: CType; name: string | null } {
  switch (node.type) {
    case 'identifier':
    case 'field_identifier':
    case 'type_identifier':
    case 'primitive_type':
      return { type: base, name: nameOf(node) };
    case 'pointer_declarator':
    case 'abstract_pointer_declarator': {
      const size = scope.target.target.wordSize;
      return inner({ kind: 'pointer', size, align: size }, node, scope);
    }
    case 'array_declarator':
    case 'abstract_array_declarator':
      return inner(arrayOf(base, node, scope), node, scope);
    case 'function_declarator':
    case 'abstract_function_declarator':
      return inner({ kind: 'function' }, node, scope);
    case 'parenthesized_declarator':
    case 'abstract_parenthesized_declarator': {
      const within = node.children.find((part) => part.named);
      return within ? shape(base, within, scope) : fail(node, 'this declares nothing');
    }
    default:
      return fail(node, `an unsupported declarator: ${node.type.replaceAll('_', ' ')}`);
  }
}

function inner(type: CType, node: Syntax, scope: Declarations): { type: CType; name: string | null } {
  const declarator = child(node, 'declarator');
  return declarator ? shape(type, declarator, scope) : { type, name: null };
}

function arrayOf(element: CType, node: Syntax, scope: Declarations): CType {
  const elementSize = sizeOf(element);
  if (elementSize === undefined) notConstant(node, 'an array of elements whose size is not known');
  const length = child(node, 'size');
  if (!length) return { kind: 'array', element, count: null, align: alignOf(element) };
  const count = scope.count(length);
  if (count * elementSize > sizeLimit) fail(node, 'the array is too large');
  return { kind: 'array', element, count, align: alignOf(element) };
}

/**
 * The attributes that apply to one declarator of a declaration. Those among the specifiers apply to each, except those
 * of a record or enum defined there.
 */
export function ownAttributes(declaration: Syntax, specifier: Syntax, index: number): Attribute[] {
  const all = declarators(declaration);
  const starts = all.map((declarator) => declarator.node.start);
  const first = starts[0] ?? declaration.end;
  return declaration.code.attributes.filter((attribute) => {
    if (attribute.before < declaration.start || attribute.after >= declaration.end) return false;
    if (isOfSpecifier(attribute, specifier)) return false;
    if (attribute.before <= first) return true;
    // It belongs to the declarator before it or, after a comma, to the next one.
    const follows = starts.filter((start) => start < attribute.before).length - 1;
    const comma = declaration.children.find((part) => part.type === ',' && part.start > (starts[follows] ?? 0));
    return index === follows + (comma && comma.end <= attribute.after ? 1 : 0);
  });
}

/** The attributes of the definition of a struct, union or enum: after the keyword, or after the closing brace. */
export function definitionAttributes(specifier: Syntax): Attribute[] {
  const body = child(specifier, 'body');
  if (!body) return [];
  return specifier.code.attributes.filter((attribute) => {
    const afterKeyword = attribute.after > specifier.start && attribute.before <= body.start;
    return afterKeyword || attribute.after === body.end;
  });
}

function isOfSpecifier(attribute: Attribute, specifier: Syntax): boolean {
  const body = child(specifier, 'body');
  if (!body) return false;
  return attribute.after > specifier.start && attribute.after <= body.end;
}
