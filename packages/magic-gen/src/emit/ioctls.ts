import type { IoctlFacts } from '../facts/facts.js';
import { ioctlFacts } from '../facts/ioctls.js';
import type { Ioctl, Model, TypeRef } from '../model/model.js';
import { pascal } from './names.js';
import { banner, doc, emitError, hex, importNames, quote, text } from './source.js';

/** The table of ioctls: what the header says of each, and what the facts add. */
export function emitIoctls(model: Model): string {
  const structs = new Set<string>();
  const capabilities = new Set<string>();
  const constants = new Set(model.constants.map(({ name }) => name));
  const entries = model.ioctls.flatMap((ioctl) => {
    const facts = ioctlFacts[ioctl.name];
    if (facts === undefined) {
      throw emitError(
        `${ioctl.name} is new: it needs an entry among the facts (packages/magic-gen/src/facts)`,
        ioctl.origin,
      );
    }
    const capability = facts.capability !== undefined && constants.has(facts.capability) ? facts.capability : undefined;
    if (capability !== undefined) capabilities.add(capability);
    return ['', ...entry(ioctl, facts, capability, structs)];
  });
  return text([
    ...banner(model, 'Every ioctl of the headers, with what is known of it.'),
    ...importNames(['Ioctl'], '../../ioctl/ioctl.js', 'import type'),
    ...importNames(capabilities, './constants.js'),
    ...importNames(structs, './structs.js'),
    ...entries,
  ]);
}

function entry(ioctl: Ioctl, facts: IoctlFacts, capability: string | undefined, structs: Set<string>): string[] {
  const needs = facts.capability === undefined ? '' : ` Needs ${facts.capability}.`;
  const where = facts.arch === undefined ? '' : ` On ${facts.arch.join(', ')}.`;
  return [
    ...doc('', `\`${declaration(ioctl)}\`, ${ioctl.origin.file}.${needs}${where}`),
    `export const ${ioctl.name} = {`,
    `  name: ${quote(ioctl.name)},`,
    `  request: ${hex(ioctl.request)},`,
    `  fd: [${facts.fd.map(quote).join(', ')}],`,
    `  argument: ${argument(ioctl, facts, structs)},`,
    `  direction: ${quote(facts.direction ?? ioctl.direction)},`,
    ...(capability === undefined ? [] : [`  capability: { number: ${capability}, name: ${quote(capability)} },`]),
    ...(facts.pointers === undefined ? [] : [`  pointers: [${facts.pointers.map(quote).join(', ')}],`]),
    '} as const satisfies Ioctl;',
  ];
}

function argument(ioctl: Ioctl, facts: IoctlFacts, structs: Set<string>): string {
  if (facts.argument !== undefined) return `{ kind: ${quote(facts.argument)} }`;
  const type = ioctl.argument;
  if (type === null) {
    throw emitError(`${ioctl.name} is an _IO: the facts must say whether it takes a value`, ioctl.origin);
  }
  if (type.kind === 'record') {
    structs.add(pascal(type.name));
    return `{ kind: 'struct', type: ${pascal(type.name)} }`;
  }
  if (type.kind === 'array') throw emitError(`${ioctl.name} takes an array, which no ioctl did so far`, ioctl.origin);
  return `{ kind: 'integer', size: ${type.size} }`;
}

function declaration({ direction, nr, argument: type, name }: Ioctl): string {
  const macro = { none: '_IO', read: '_IOR', write: '_IOW', readwrite: '_IOWR' }[direction];
  return `${name} = ${macro}(KVMIO, 0x${nr.toString(16).padStart(2, '0')}${type === null ? '' : `, ${spell(type)}`})`;
}

function spell(type: TypeRef): string {
  switch (type.kind) {
    case 'record':
      return `struct ${type.name}`;
    case 'array':
      return `${spell(type.element)}[${type.count ?? ''}]`;
    case 'pointer':
      return 'void *';
    case 'enum':
      return `enum ${type.name}`;
    default:
      return type.name;
  }
}
