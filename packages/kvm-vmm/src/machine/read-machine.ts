import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { KvmError } from '@kvm/core';
import { checkSchema } from './check-schema.js';
import type { MachineDocument } from './document.js';
import type { JsonSchema } from './json-schema.js';
import { machineSchema } from './schema.js';

/**
 * Reads a machine from a JSON file, for `Machine.create`, which checks it. Relative paths in it are made absolute: they
 * are relative to the file's folder.
 *
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for a file that cannot be read, or that is no JSON object.
 */
export function readMachine(path: string): MachineDocument {
  if (typeof path !== 'string')
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'the path of a machine must be a string');
  let document: unknown;
  try {
    document = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${path}: ${(cause as Error).message.replaceAll(/\s+/g, ' ')}`, {
      cause,
    });
  }
  checkSchema({ type: 'object' }, document, () => `${path}: the machine`);
  return absolutePaths(document as MachineDocument, dirname(resolve(path)));
}

/** A document whose paths are relative to a folder, with absolute ones. */
export function absolutePaths<D extends MachineDocument>(document: D, folder: string): D {
  return absolute(machineSchema, document, folder) as D;
}

/** A value with its paths made absolute. Values of wrong types stay as they are. */
function absolute(schema: JsonSchema, value: unknown, folder: string): unknown {
  if (typeof value === 'string' && value !== '') {
    const format = schema.format ?? schema.anyOf?.find(({ type }) => type === 'string')?.format;
    // What a path may be is an address of a server, too.
    if (format === 'path') return /^https?:/.test(value) ? value : resolve(folder, value);
    if (format === 'uri-reference') return URL.canParse(value) ? value : pathToFileURL(resolve(folder, value)).href;
    return value;
  }
  if (Array.isArray(value))
    return schema.items ? value.map((each) => absolute(schema.items ?? {}, each, folder)) : value;
  if (typeof value !== 'object' || value === null) return value;
  const properties = Object.assign({}, schema.properties, ...(schema.anyOf ?? []).map((each) => each.properties));
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      name,
      Object.hasOwn(properties, name) ? absolute(properties[name], each, folder) : each,
    ]),
  );
}
