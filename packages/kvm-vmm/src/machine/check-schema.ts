import { KvmError, type KvmErrorCode } from '@kvm/core';
import { unknownName } from '@kvm/core/struct';
import type { JavaScriptType, JsonSchema, JsonType } from './json-schema.js';

/** How an error names a place in a document. The path is as in `devices[1].module`; that of the whole is empty. */
export type NameOf = (path: string) => string;

/** What the types of JSON are in JavaScript. */
const isOfType: Readonly<Record<JsonType, (value: unknown) => boolean>> = {
  object: isPlain,
  array: Array.isArray,
  string: (value) => typeof value === 'string',
  integer: Number.isSafeInteger,
  boolean: (value) => typeof value === 'boolean',
};

const isOfJavaScriptType: Readonly<Record<JavaScriptType, (value: unknown) => boolean>> = {
  bigint: (value) => typeof value === 'bigint' && value >= 0n && value < 2n ** 64n,
  URL: (value) => value instanceof URL,
  Uint8Array: (value) => value instanceof Uint8Array,
};

/**
 * Checks a value by a schema.
 *
 * @throws KvmError `ERR_KVM_OUT_OF_RANGE` for numbers that are too small or too large, `ERR_KVM_INVALID_ARGUMENT` for
 *   all else that is wrong. Its message has the path, what is wanted, and the value.
 */
export function checkSchema(schema: JsonSchema, value: unknown, name: NameOf, path = ''): void {
  const wrong = (code: KvmErrorCode = 'ERR_KVM_INVALID_ARGUMENT'): KvmError =>
    new KvmError(
      code,
      `${name(path)} must be ${wantedText(schema)}${value === undefined ? '' : `, not ${shown(value)}`}`,
    );
  const javascript = schema['x-javascript'];
  if (javascript !== undefined && isOfJavaScriptType[javascript](value)) return;
  if (schema.anyOf !== undefined) {
    const choice = schema.anyOf.find((each) => isMeant(each, value));
    if (choice === undefined) throw wrong();
    checkSchema(choice, value, name, path);
    return;
  }
  if (schema.const !== undefined && value !== schema.const) throw wrong();
  if (schema.enum !== undefined && !(schema.enum as readonly unknown[]).includes(value)) throw wrong();
  if (schema.type !== undefined && !hasType(schema, value)) throw wrong();
  if (typeof value === 'number') {
    const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema;
    if (value < minimum || value > maximum) throw wrong('ERR_KVM_OUT_OF_RANGE');
  }
  if (typeof value === 'string') {
    if (value.length < (schema.minLength ?? 0)) throw wrong();
    if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(value)) throw wrong();
  }
  const { items, properties, additionalProperties: others } = schema;
  if (items !== undefined) {
    for (const [i, each] of (value as unknown[]).entries()) checkSchema(items, each, name, `${path}[${i}]`);
  }
  if (typeof others === 'object') {
    for (const [each, member] of Object.entries(value as object)) checkSchema(others, member, name, `${path}.${each}`);
  }
  if (properties !== undefined) checkProperties(schema, properties, value as Record<string, unknown>, name, path);
}

function checkProperties(
  { required = [] }: JsonSchema,
  properties: Readonly<Record<string, JsonSchema>>,
  value: Readonly<Record<string, unknown>>,
  name: NameOf,
  path: string,
): void {
  const known = Object.keys(properties);
  for (const each in value) {
    if (!Object.hasOwn(properties, each)) {
      throw unknownName(`${name(path)}: there is no option ${shown(each, false)}`, each, known);
    }
  }
  for (const [each, schema] of Object.entries(properties)) {
    const member = value[each];
    if (member !== undefined || required.includes(each)) {
      checkSchema(schema, member, name, path === '' ? each : `${path}.${each}`);
    }
  }
}

/** Whether one of several alternatives is what a value is meant to be: errors are about that one then. */
function isMeant(schema: JsonSchema, value: unknown): boolean {
  if (!hasType(schema, value)) return false;
  const constants = Object.entries(schema.properties ?? {}).filter(([, { const: constant }]) => constant !== undefined);
  return constants.every(([each, { const: constant }]) => (value as Record<string, unknown>)[each] === constant);
}

function hasType({ type }: JsonSchema, value: unknown): boolean {
  const types = typeof type === 'string' ? [type] : (type ?? []);
  return types.some((each) => isOfType[each](value));
}

function isPlain(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

const typeTexts: Readonly<Record<JsonType, string>> = {
  object: 'an object',
  array: 'an array',
  string: 'a string',
  integer: 'a whole number',
  boolean: 'true or false',
};

function wantedText(schema: JsonSchema): string {
  const { 'x-wanted': wanted, const: constant, enum: choices, type, minimum, maximum, anyOf = [] } = schema;
  if (wanted !== undefined) return wanted;
  if (constant !== undefined) return `'${constant}'`;
  if (choices !== undefined) return choices.map((each) => `'${each}'`).join(' or ');
  if (minimum !== undefined && maximum !== undefined) return `a whole number from ${minimum} to ${maximum}`;
  if (anyOf.length > 0) return anyOf.map(wantedText).join(' or ');
  const types = typeof type === 'string' ? [type] : (type ?? []);
  return types.map((each) => typeTexts[each]).join(' or ') + (schema.minLength === 1 ? ' that is not empty' : '');
}

/** A value in an error: one line, not long. It may come from a file. */
function shown(value: unknown, quoted = true): string {
  if (typeof value === 'string') {
    const text = JSON.stringify(value.slice(0, 64));
    return quoted ? text : text.slice(1, -1);
  }
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value).slice(0, 64);
}
