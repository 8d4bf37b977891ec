import { fits } from '../language/integers.js';
import type { CType, RecordType } from '../language/types.js';
import { sizeOf } from '../language/types.js';
import { child, fail, nameOf, type Syntax, textOf } from '../parse/code.js';
import { unnamedBitfield } from '../parse/rewrite.js';
import { readAttributes, refuseAlignas } from './attributes.js';
import type { Declarations } from './declarations.js';
import { declarators, definitionAttributes, ownAttributes, shape } from './declarators.js';
import { layOut, type Member } from './record.js';

/** Processes a struct or union that is defined; finds or announces one that is only named. */
export function defineRecord(node: Syntax, scope: Declarations): RecordType {
  const union = node.type === 'union_specifier';
  const nameNode = child(node, 'name');
  const tag = nameNode ? nameOf(nameNode) : null;
  const body = child(node, 'body');

  const before = tag === null ? undefined : scope.tags.get(tag);
  if (before && ('type' in before || before.union !== union)) fail(node, `'${tag}' is defined as something else`);
  const record = before ?? { union, tag, typedef: null, complete: false, size: 0, align: 1, members: [], node };
  if (tag !== null) scope.tags.set(tag, record);
  if (!body) return record;

  if (record.complete || scope.records.includes(record))
    fail(node, `${union ? 'union' : 'struct'} ${tag} is defined twice`);
  record.node = node;
  scope.records.push(record);
  const attributes = readAttributes(definitionAttributes(node));
  refuseAlignas(attributes, 'of a struct or union');
  const members = body.children.filter((part) => part.named).flatMap((part) => readMembers(part, scope));
  checkNames(members);
  const layout = layOut(members, {
    union,
    packed: attributes.packed,
    aligned: scope.alignment(attributes, node),
    unnamedBitfieldsAlign: scope.target.unnamedBitfieldsAlign,
  });
  Object.assign(record, layout, { complete: true });
  return record;
}

/** The members that one declaration declares. */
function readMembers(node: Syntax, scope: Declarations): Member[] {
  if (node.type !== 'field_declaration') fail(node, 'this is not a member');
  refuseModifiers(node);
  const specifier = child(node, 'type') ?? fail(node, 'a member without a type');
  const base = scope.specifier(specifier);
  const found = declarators(node);
  if (found.length === 0) return withoutName(node, specifier, base, scope);

  return found.map((declarator) => {
    const { type, name } = shape(base, declarator.node, scope);
    if (type.kind === 'function') fail(declarator.node, 'this member is parsed as a function');
    const attributes = readAttributes(ownAttributes(node, specifier, declarator.index));
    if (declarator.width) refuseAlignas(attributes, 'of a bitfield');
    return {
      name: name === unnamedBitfield ? null : name,
      type,
      width: declarator.width ? readWidth(declarator.width, type, name === unnamedBitfield, scope) : null,
      packed: attributes.packed,
      aligned: scope.alignment(attributes, declarator.node, type),
      node: declarator.node,
    };
  });
}

/** Refuses `_Atomic`, which nothing else handles and which may change a size. */
function refuseModifiers(node: Syntax): void {
  const qualifiers = node.children.filter(({ type }) => type === 'type_qualifier');
  const unknown = qualifiers.find((qualifier) => !/^(?:const|volatile|restrict)$/.test(textOf(qualifier)));
  if (unknown) fail(unknown, `'${textOf(unknown)}' is not supported: it may change the layout`);
}

/** An anonymous struct or union. A mere definition, of a tag or an enum, is not a member. */
function withoutName(node: Syntax, specifier: Syntax, type: CType, scope: Declarations): Member[] {
  if (type.kind === 'record' && type.record.tag === null) {
    const attributes = readAttributes(ownAttributes(node, specifier, 0));
    refuseAlignas(attributes, 'of a struct or union without a name');
    const aligned = scope.alignment(attributes, node);
    return [{ name: null, type, width: null, packed: attributes.packed, aligned, node: specifier }];
  }
  const defines = specifier.type === 'enum_specifier' || type.kind === 'record';
  return defines ? [] : fail(node, 'this declares no member');
}

function readWidth(node: Syntax, type: CType, unnamed: boolean, scope: Declarations): number {
  const integer = type.kind === 'enum' ? type.integer : type;
  if (integer.kind !== 'integer') fail(node, 'a bitfield needs an integer type');
  const width = scope.count(node);
  const widest = integer.base === '_Bool' ? 1 : (sizeOf(integer) ?? 0) * 8;
  if (width > widest || !fits(BigInt(width), scope.integers.int))
    fail(node, `${width} bits do not fit ${integer.name}`);
  if (width === 0 && !unnamed) fail(node, 'a named bitfield of zero width');
  return width;
}

/** A name may occur once, also among the members of anonymous records. */
function checkNames(members: readonly Member[]): void {
  const seen = new Set<string>();
  const check = (name: string, node: Syntax): void => {
    if (seen.has(name)) fail(node, `member '${name}' is declared twice`);
    seen.add(name);
  };
  const inner = (record: RecordType, node: Syntax): void => {
    for (const member of record.members) {
      if (member.name !== null) check(member.name, node);
      else if (member.type.kind === 'record') inner(member.type.record, node);
    }
  };
  for (const member of members) {
    if (member.name !== null) check(member.name, member.node);
    else if (member.type.kind === 'record') inner(member.type.record, member.node);
  }
}
