import { capabilityFacts } from '../facts/capabilities.js';
import { type Group, groups } from '../facts/groups.js';
import type { Constant, Model } from '../model/model.js';
import { literal } from './constants.js';
import { pascal } from './names.js';
import { type Declaration, exportCommon, isDeclared, type Output, withinCore } from './output.js';
import { age, banner, doc, emitError, kernelOf, quote, separated, text } from './source.js';

/**
 * The most used constants, in groups under friendly names: `Cap.UserMemory`, `ExitReason.Io`, `MemoryFlag.Readonly`.
 */
export function emitGroups(model: Model, output: Output = withinCore): string {
  const own = groupsOf(model).filter(({ name }) => isDeclared(name, 'groups.ts', output));
  const again = exportCommon('groups.ts', output);
  return text([
    ...banner(model, 'Groups of constants with friendly names.', output),
    ...separated([...(again.length > 0 ? [again] : []), ...own.map(({ lines }) => lines)]),
  ]);
}

/** The declaration of each group, and of each table beside one. */
export function groupsOf(model: Model): Declaration[] {
  return groups.flatMap((group) => {
    const members = membersOf(group, model);
    const table = variable(group.name);
    if (members.length === 0) return [];
    return [
      { name: group.name, lines: object(group, members, model) },
      ...(group.names ? [{ name: `${table}Names`, lines: names(group, members) }] : []),
      ...(group.ages ? [{ name: `${table}Since`, lines: ages(group, members, model) }] : []),
      ...(group.archs ? [{ name: `${table}Arch`, lines: archs(group, members, model) }] : []),
    ];
  });
}

interface GroupMember {
  name: string;
  constant: Constant;
}

/** The names that the groups of a model are exported under, with the tables beside them. */
export function groupNames(model: Model): string[] {
  return groupsOf(model).map(({ name }) => name);
}

function membersOf(group: Group, model: Model): GroupMember[] {
  const byName = new Map(model.constants.map((constant) => [constant.name, constant]));
  if ('constants' in group) {
    return Object.entries(group.constants).flatMap(([name, c]) => {
      const constant = byName.get(c);
      // The headers of another kernel or architecture may lack it.
      return constant === undefined ? [] : [{ name, constant }];
    });
  }
  const { prefix, exclude = [], includes, renamed = {} } = group;
  const members = model.constants
    .filter(({ name }) => name.startsWith(prefix) && !exclude.includes(name) && (includes?.(name) ?? true))
    .map((constant) => ({ name: renamed[constant.name] ?? pascal(constant.name.slice(prefix.length)), constant }));
  const seen = new Map<string, Constant>();
  for (const { name, constant } of members) {
    const other = seen.get(name);
    if (other !== undefined) {
      throw emitError(
        `${constant.name} and ${other.name} are both ${group.name}.${name}: rename one in the facts`,
        constant.origin,
      );
    }
    seen.set(name, constant);
  }
  return members;
}

function object({ name, doc: sentence, bigint }: Group, members: GroupMember[], model: Model): string[] {
  return [
    ...doc('', sentence),
    `export const ${name} = {`,
    ...members.flatMap(({ name: member, constant }) => [
      ...doc('  ', `\`${constant.name}\`.${age(model, constant)}`),
      `  ${member}: ${bigint ? `${constant.value}n` : literal(constant)},`,
    ]),
    '} as const;',
    '',
    `export type ${name} = (typeof ${name})[keyof typeof ${name}];`,
  ];
}

/** A table from numbers back to the kernel's names. Where two names have one number, the first counts. */
function names({ name }: Group, members: GroupMember[]): string[] {
  const byValue = new Map<string, string>();
  for (const { constant } of members) if (!byValue.has(constant.value)) byValue.set(constant.value, constant.name);
  return [
    ...doc('', `The kernel's names, by their number in \`${name}\`.`),
    ...byNumber(`${variable(name)}Names`, byValue),
  ];
}

/** The kernels that brought the constants, where known. */
function ages({ name }: Group, members: GroupMember[], model: Model): string[] {
  const known = members.flatMap(({ constant }): [string, string][] => {
    const since = kernelOf(model, constant);
    return since === undefined ? [] : [[constant.value, since]];
  });
  return [
    ...doc('', `The kernels that brought them, by their number in \`${name}\`, where known.`),
    ...byNumber(`${variable(name)}Since`, new Map(known)),
  ];
}

/** The capabilities that this architecture does not offer, by the architectures that do. */
function archs({ name }: Group, members: GroupMember[], model: Model): string[] {
  const numbers = new Map<string, Set<number>>();
  for (const { constant } of members) {
    const offering = capabilityFacts[constant.name]?.arch;
    if (offering === undefined || offering.includes(model.arch)) continue;
    const key = offering.join(', ') || 'none';
    numbers.set(key, (numbers.get(key) ?? new Set()).add(Number(constant.value)));
  }
  return [
    ...doc('', 'The numbers of the capabilities that this architecture does not offer, by the architectures that do.'),
    `export const ${variable(name)}Arch: Readonly<Record<string, readonly number[]>> = {`,
    ...[...numbers]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([key, each]) =>
        filled(
          `  ${/^\w+$/.test(key) ? key : quote(key)}: `,
          [...each].sort((a, b) => a - b),
        ),
      ),
    '};',
  ];
}

/** A property that is an array of numbers: on one line if it fits, else filled as biome does. */
function filled(head: string, numbers: readonly number[]): string[] {
  const line = `${head}[${numbers.join(', ')}],`;
  if (line.length <= 120) return [line];
  const lines = [''];
  for (const number of numbers) {
    const last = lines.at(-1) ?? '';
    if (last.length + `${number},`.length < 116)
      lines[lines.length - 1] = last === '' ? `${number},` : `${last} ${number},`;
    else lines.push(`${number},`);
  }
  return [`${head}[`, ...lines.map((each) => `    ${each}`), '  ],'];
}

function byNumber(name: string, texts: ReadonlyMap<string, string>): string[] {
  if (texts.size === 0) return [`export const ${name}: Readonly<Record<number, string>> = {};`];
  return [
    `export const ${name}: Readonly<Record<number, string>> = {`,
    ...[...texts]
      .sort(([a], [b]) => Number(a) - Number(b))
      .map(([number, each]) => `  ${number.startsWith('-') ? `[${number}]` : number}: ${quote(each)},`),
    '};',
  ];
}

function variable(name: string): string {
  return `${name.charAt(0).toLowerCase()}${name.slice(1)}`;
}
