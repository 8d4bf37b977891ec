import { capabilityFacts } from '../facts/capabilities.js';
import { ioctlFacts } from '../facts/ioctls.js';
import type { Constant, Dated, Ioctl, Model } from '../model/model.js';
import { spell } from '../model/spelling.js';

/** What is shown about one name on one architecture, by the labels of the rows. */
export interface NamedCells {
  what: string;
  item: Dated & { origin: { file: string } };
  cells: Readonly<Record<string, string>>;
}

export function ioctlCells(name: string, model: Model): NamedCells | undefined {
  const ioctl = model.ioctls.find((each) => each.name === name);
  const foreign = model.foreignIoctls.find((each) => each.name === name);
  const item = ioctl ?? foreign;
  if (!item) return undefined;
  const facts = ioctlFacts[name];
  return {
    what: 'ioctl',
    item,
    cells: {
      request: ioctl ? hex(ioctl.request) : 'none here',
      type: hex(item.type),
      nr: hex(item.nr),
      declared: item.direction,
      direction: facts?.direction ?? (facts?.argument === undefined ? item.direction : facts.argument),
      argument: ioctl ? argument(ioctl, facts?.record) : (foreign?.argument ?? ''),
      size: ioctl ? `${ioctl.size}` : '',
      descriptor: facts?.fd.join(', ') ?? 'no facts',
      capability: facts?.capability ?? 'none',
      architectures: facts?.arch?.join(', ') ?? 'all',
    },
  };
}

function argument({ argument: type }: Ioctl, record: string | undefined): string {
  if (record !== undefined) return `struct ${record}`;
  return type === null ? 'none' : spell(type);
}

export function constantCells(name: string, model: Model): NamedCells | undefined {
  const item = model.constants.find((each) => each.name === name);
  if (!item) return undefined;
  const facts = capabilityFacts[name];
  return {
    what: item.kind,
    item,
    cells: {
      value: item.value,
      hex: hexOf(item),
      'C type': cType(item),
      ...(facts ? { architectures: facts.arch?.join(', ') || (facts.arch ? 'none (removed)' : 'all') } : {}),
      ...(facts?.enable ? { 'enabled on': facts.enable.join(', ') } : {}),
    },
  };
}

function cType({ type: { signed, size, longLong } }: Constant): string {
  const word = size === 8 ? (longLong ? 'long long' : 'long') : 'int';
  return signed ? word : `unsigned ${word}`;
}

export function functionCells(name: string, model: Model): NamedCells | undefined {
  const item = model.functions.find((each) => each.name === name);
  if (!item) return undefined;
  const parameters = item.parameters.map((each) => `${each.name}: ${each.type.size * 8} bits`).join(', ');
  return { what: 'function', item, cells: { parameters, definition: item.definition } };
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function hexOf({ value, type }: Constant): string {
  return `0x${BigInt.asUintN(type.size * 8, BigInt(value)).toString(16)}`;
}
