import { otherIoctlFacts } from '../facts/other-ioctls.js';
import type { Ioctl, Model } from '../model/model.js';
import { declaration } from './ioctls.js';
import { pascal } from './names.js';
import type { Output } from './output.js';
import { age, banner, doc, emitError, hex, importNames, quote, text } from './source.js';

/** The ioctls of an interface other than KVM: what the header says about each, and what its argument really is. */
export function emitOtherIoctls(model: Model, output: Output): string {
  const structs = new Set<string>();
  const records = new Set(model.records.map(({ name }) => name));
  const entries = model.ioctls.flatMap((ioctl) => [
    '',
    ...doc('', `\`${declaration(ioctl, hex(ioctl.type))}\`, ${ioctl.origin.file}.${age(model, ioctl)}`),
    `export const ${ioctl.name} = {`,
    `  name: ${quote(ioctl.name)},`,
    `  request: ${hex(ioctl.request)},`,
    `  argument: ${argument(ioctl, structs, records)},`,
    `  direction: ${quote(otherIoctlFacts[ioctl.name]?.direction ?? ioctl.direction)},`,
    '} as const;',
  ]);
  const head = banner(model, 'Every ioctl of the headers, with its argument.', output);
  return text([
    ...head.slice(0, -1),
    ...(structs.size > 0 ? [''] : []),
    ...importNames(structs, './structs.js'),
    ...entries,
  ]);
}

function argument(
  { name, argument: type, origin }: Ioctl,
  structs: Set<string>,
  records: ReadonlySet<string | null>,
): string {
  const facts = otherIoctlFacts[name];
  // The headers of another kernel may lack the struct that the facts name.
  const fact = facts?.record !== undefined && records.has(facts.record) ? facts.record : undefined;
  const record = fact ?? (type?.kind === 'record' ? type.name : undefined);
  if (record !== undefined) {
    structs.add(pascal(record));
    return `{ kind: 'struct', type: ${pascal(record)} }`;
  }
  if (facts?.argument === 'integer') return "{ kind: 'integer', size: 4 }";
  if (facts?.argument !== undefined) return `{ kind: ${quote(facts.argument)} }`;
  if (type === null) throw emitError(`${name} is an _IO: the facts must say whether it takes a value`, origin);
  if (type.kind === 'array') throw emitError(`${name} takes an array, which magic-gen does not support`, origin);
  if (type.kind === 'record') throw new Error('records are handled above');
  return `{ kind: 'integer', size: ${type.size} }`;
}
