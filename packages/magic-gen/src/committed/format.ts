import type { Model } from '../model/model.js';

/** How each of them begins. */
export const modelBeginning = '{\n"schema": ';

/**
 * A model as it is committed: JSON with one thing of the headers a line, and one member of a record, so that what a new
 * kernel brings reads well in a change.
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
  // The members of a record; those of an enum are but names.
  if (!Array.isArray(members) || typeof members[0] !== 'object') return JSON.stringify(thing);
  const head = JSON.stringify(rest).slice(0, -1);
  return `${head},"members":${lines(members.map((member) => JSON.stringify(member)))}}`;
}

function lines(items: readonly string[]): string {
  return `[\n${items.join(',\n')}\n]`;
}
