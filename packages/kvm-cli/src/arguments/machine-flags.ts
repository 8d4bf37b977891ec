import { type JsonSchema, machineSchema } from '@kvm/vmm/schema';
import { Option } from 'commander';
import { parseDisk } from './disk.js';
import { parseNet } from './net.js';
import { parseShare } from './share.js';
import { parseVsock } from './vsock.js';

/** An option of the command line that sets an option of a machine. */
export interface MachineFlag {
  /** Where its value is in the document of a machine: `['boot', 'initrd']`. */
  readonly path: readonly string[];
  /** What it is for: what boots as the other does not have it. */
  readonly boots: string | undefined;
  readonly option: Option;
}

/** In the order of the schema. */
export const machineFlags: readonly MachineFlag[] = flagsIn(machineSchema, [], undefined);

function flagsIn(schema: JsonSchema, path: readonly string[], boots: string | undefined): MachineFlag[] {
  const { properties = {}, anyOf = [], 'x-flag': flag } = schema;
  const own = flag === undefined ? [] : [{ path, boots, option: optionOf(flag, schema) }];
  const kind = properties['type']?.const ?? boots;
  return [
    ...own,
    ...Object.entries(properties).flatMap(([name, each]) => flagsIn(each, [...path, name], kind)),
    ...anyOf.flatMap((each) => flagsIn(each, path, boots)),
  ];
}

function optionOf(flag: string, { type, enum: choices, description = '', default: value }: JsonSchema): Option {
  const notes = [
    ...(choices === undefined ? [] : [`one of: ${choices.join(', ')}`]),
    ...(value === undefined || value === false ? [] : [`default: ${value}`]),
  ];
  const text = inHelp(description);
  const option = new Option(flag, notes.length === 0 ? text : `${text} (${notes.join('; ')})`);
  // What is no text, number or switch.
  if (option.attributeName() === 'disk') option.argParser(parseDisk);
  if (option.attributeName() === 'net') option.argParser(parseNet);
  if (option.attributeName() === 'share') option.argParser(parseShare);
  if (option.attributeName() === 'vsock') option.argParser(parseVsock);
  // The check of the whole document says what is wrong with a number.
  if (type === 'integer') option.argParser((given) => (/^[0-9]{1,15}$/.test(given) ? Number(given) : given));
  return option;
}

/** Help has no Markdown, and no full stop after one sentence. */
function inHelp(description: string): string {
  const text = description.replaceAll('`', '').replace(/^[A-Z](?=[a-z ])/, (letter) => letter.toLowerCase());
  return text.indexOf('. ') === -1 ? text.replace(/\.$/, '') : text;
}
