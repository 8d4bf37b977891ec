import type { Model } from '../model/model.js';

/** How every model file begins. */
export const modelBeginning = '{\n"schema": ';

/**
 * A model as it is committed: JSON with one declaration, and one member of a record, on each line, so that a diff shows
 * what a new kernel brings.
 */
export function formatModel(model: Model): string {
  const properties = Object.entries(model).map(([name, value]) => `${JSON.stringify(name)}: ${formatProperty(value)}`);
  return `{\n${properties.join(',\n')}\n}\n`;
}

function formatProperty(value: unknown): string {
  if (!Array.isArray(value) || !value.some((each) => typeof each === 'object')) return JSON.stringify(value);
  return lines(value.map(formatThing));
}

function formatThing(thing: Readonly<Record<string, unknown>>): string {
  const { members, ...rest } = thing;
  // Only records have members that are objects; those of an enum are names.
  if (!Array.isArray(members) || typeof members[0] !== 'object') return JSON.stringify(thing);
  const head = JSON.stringify(rest).slice(0, -1);
  return `${head},"members":${lines(members.map((member) => JSON.stringify(member)))}}`;
}

function lines(items: readonly string[]): string {
  return `[\n${items.join(',\n')}\n]`;
}
