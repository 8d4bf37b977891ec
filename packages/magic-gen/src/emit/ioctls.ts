import type { IoctlFacts } from '../facts/facts.js';
import { ioctlFacts } from '../facts/ioctls.js';
import type { Constant, Ioctl, Model } from '../model/model.js';
import { spell } from '../model/spelling.js';
import { camel, pascal } from './names.js';
import { ioctlModule, type Output, withinCore } from './output.js';
import { age, banner, doc, emitError, hex, importNames, kernelOf, quote, text } from './source.js';

/** The table of ioctls: what the header says about each, and what the facts add. */
export function emitIoctls(model: Model, output: Output = withinCore): string {
  checkFacts(model.ioctls);
  const emitter = new IoctlEmitter(model);
  const entries = model.ioctls.flatMap((ioctl) => ['', ...emitter.emit(ioctl, ioctlFacts[ioctl.name] as IoctlFacts)]);
  return text([
    ...banner(model, 'Every ioctl of the headers, with what is known about it.', output),
    ...emitter.imports(output),
    ...entries,
  ]);
}

/**
 * The ioctls that only other architectures have, with what these headers tell: enough to recognize them, not to call
 * them.
 */
export function emitForeignIoctls(model: Model, output: Output = withinCore): string {
  checkFacts(model.foreignIoctls);
  const entries = model.foreignIoctls.flatMap(({ name, nr, direction, argument, origin, ...dated }) => {
    const facts = ioctlFacts[name] as IoctlFacts;
    return [
      ...doc('  ', `\`${name}\`, ${origin.file}. On ${(facts.arch ?? []).join(', ')}.${age(model, dated)}`),
      '  {',
      `    name: ${quote(name)},`,
      `    nr: ${hex(nr)},`,
      `    direction: ${quote(facts.direction ?? direction)},`,
      `    argument: ${quote(argument)},`,
      `    fd: [${facts.fd.map(quote).join(', ')}],`,
      `    arch: [${(facts.arch ?? []).map(quote).join(', ')}],`,
      '  },',
    ];
  });
  return text([
    ...banner(model, 'The ioctls whose argument is a type of another architecture.', output),
    ...importNames(['ForeignIoctl'], ioctlModule(output), 'import type'),
    '',
    ...doc('', 'They have no number here: it contains the size of a struct that these headers do not define.'),
    'export const foreignIoctls: readonly ForeignIoctl[] = [',
    ...entries,
    '];',
  ]);
}

function checkFacts(ioctls: readonly Pick<Ioctl, 'name' | 'origin'>[]): void {
  const unknown = ioctls.filter(({ name }) => ioctlFacts[name] === undefined);
  if (unknown[0] === undefined) return;
  const names = unknown.map(({ name }) => name).join(', ');
  throw emitError(`no facts about ${names}: add them to packages/magic-gen/src/facts/ioctls.ts`, unknown[0].origin);
}

class IoctlEmitter {
  readonly #model: Model;
  readonly #constants: ReadonlyMap<string, Constant>;
  readonly #records: ReadonlySet<string>;
  readonly #usedConstants = new Set<string>();
  readonly #usedStructs = new Set<string>();

  constructor(model: Model) {
    this.#model = model;
    this.#constants = new Map(model.constants.map((constant) => [constant.name, constant]));
    this.#records = new Set(model.records.map(({ name }) => name));
  }

  imports(output: Output): string[] {
    return [
      ...importNames(['Ioctl'], ioctlModule(output), 'import type'),
      ...importNames(this.#usedConstants, './constants.js'),
      ...importNames(this.#usedStructs, './structs.js'),
    ];
  }

  emit(ioctl: Ioctl, facts: IoctlFacts): string[] {
    const argument = this.#argument(ioctl, facts);
    const needs = facts.capability === undefined ? '' : ` Needs ${facts.capability}.`;
    const where = facts.arch === undefined ? '' : ` On ${facts.arch.join(', ')}.`;
    const capability = this.#capability(facts.capability);
    const perKind = Object.entries(facts.capabilityOn ?? {}).flatMap(([kind, name]) => {
      const own = this.#capability(name);
      return own === undefined ? [] : object('    ', kind, own);
    });
    return [
      ...doc('', `\`${declaration(ioctl, 'KVMIO')}\`, ${ioctl.origin.file}.${needs}${where}${age(this.#model, ioctl)}`),
      ...this.#head(ioctl, facts, argument),
      `  name: ${quote(ioctl.name)},`,
      `  request: ${hex(ioctl.request)},`,
      `  fd: [${facts.fd.map(quote).join(', ')}],`,
      `  argument: ${argument},`,
      `  direction: ${quote(facts.direction ?? ioctl.direction)},`,
      ...(capability === undefined ? [] : object('  ', 'capability', capability)),
      ...(perKind.length === 0 ? [] : ['  capabilityOn: {', ...perKind, '  },']),
      ...this.#length(facts.length),
      ...(facts.pointers === undefined ? [] : list('pointers', facts.pointers)),
      ...(facts.arch === undefined ? [] : list('arch', facts.arch)),
      ...(facts.gives === undefined ? [] : [`  gives: ${quote(facts.gives)},`]),
      '};',
    ];
  }

  /** The type is written out: inferred, it would repeat the whole object. */
  #head({ name }: Ioctl, { fd }: IoctlFacts, argument: string): string[] {
    const kinds = fd.map(quote).join(' | ');
    const type = argument.replace(/, /g, '; ').replace(/type: /, 'type: typeof ');
    const line = `export const ${name}: Ioctl<${kinds}, ${type}> = {`;
    if (line.length <= 120) return [line];
    return [`export const ${name}: Ioctl<`, `  ${kinds},`, `  ${type}`, '> = {'];
  }

  /** Undefined where these headers lack the capability: there is no number to ask for. */
  #capability(name: string | undefined): string[] | undefined {
    const constant = name === undefined ? undefined : this.#constants.get(name);
    if (name === undefined || constant === undefined) return undefined;
    this.#usedConstants.add(name);
    const since = kernelOf(this.#model, constant);
    return [`number: ${name}`, `name: ${quote(name)}`, ...(since === undefined ? [] : [`since: ${quote(since)}`])];
  }

  #length(length: IoctlFacts['length']): string[] {
    if (length === undefined) return [];
    if ('member' in length) return [`  length: { member: ${quote(camel(length.member))} },`];
    const capability = this.#capability(length.capability);
    return capability === undefined ? [] : ['  length: {', ...object('    ', 'capability', capability), '  },'];
  }

  #argument(ioctl: Ioctl, facts: IoctlFacts): string {
    if (facts.record !== undefined && this.#records.has(facts.record)) return this.#struct(facts.record);
    if (facts.argument !== undefined) return `{ kind: ${quote(facts.argument)} }`;
    const type = ioctl.argument;
    if (type === null) {
      throw emitError(`${ioctl.name} is an _IO: the facts must say whether it takes a value`, ioctl.origin);
    }
    if (type.kind === 'record') return this.#struct(type.name);
    if (type.kind === 'array')
      throw emitError(`${ioctl.name} takes an array, which magic-gen does not support`, ioctl.origin);
    if (type.size !== 4 && type.size !== 8) {
      const size = `an integer of ${type.size} ${type.size === 1 ? 'byte' : 'bytes'}`;
      throw emitError(`${ioctl.name} takes ${size}, which magic-gen does not support`, ioctl.origin);
    }
    return `{ kind: 'integer', size: ${type.size} }`;
  }

  #struct(record: string): string {
    this.#usedStructs.add(pascal(record));
    return `{ kind: 'struct', type: ${pascal(record)} }`;
  }
}

/** An object with a few properties, on one line if it fits. */
function object(indent: string, name: string, properties: readonly string[]): string[] {
  const line = `${indent}${name}: { ${properties.join(', ')} },`;
  if (line.length <= 120) return [line];
  return [`${indent}${name}: {`, ...properties.map((property) => `${indent}  ${property},`), `${indent}},`];
}

function list(name: string, items: readonly string[]): string[] {
  const line = `  ${name}: [${items.map(quote).join(', ')}],`;
  return line.length <= 120 ? [line] : [`  ${name}: [`, ...items.map((item) => `    ${quote(item)},`), '  ],'];
}

/** An ioctl as its header declares it. @param group The header's name for the ioctl's type, where it has one. */
export function declaration({ direction, nr, argument: type, name }: Ioctl, group: string): string {
  const macro = { none: '_IO', read: '_IOR', write: '_IOW', readwrite: '_IOWR' }[direction];
  const parts = [group, `0x${nr.toString(16).padStart(2, '0')}`, ...(type === null ? [] : [spell(type)])];
  return `${name} = ${macro}(${parts.join(', ')})`;
}
