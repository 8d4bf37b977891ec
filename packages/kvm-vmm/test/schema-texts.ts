import type { JsonSchema } from '../src/machine/json-schema.js';

/** Texts that are written from the schema of a machine: its types for TypeScript, and tables for documentation. */

/** Columns of a line. */
const limit = 120;

/** A module with an interface for each object that has a title, the inner ones first. */
export function typesOf(schema: JsonSchema): string {
  const interfaces = new Map<string, string>();
  typeOf(schema, interfaces);
  return [
    '// Written from machine/schema.ts by `npx vitest run test/schema.test.ts -u`. Change the schema instead.',
    ...interfaces.values(),
  ]
    .join('\n\n')
    .concat('\n');
}

function typeOf(schema: JsonSchema, interfaces: Map<string, string>): string {
  const { title, type, items, properties, anyOf, 'x-javascript': javascript } = schema;
  const beside = javascript === undefined ? '' : ` | ${javascript}`;
  if (anyOf !== undefined) return anyOf.map((each) => typeOf(each, interfaces)).join(' | ') + beside;
  if (schema.const !== undefined) return `'${schema.const}'`;
  if (schema.enum !== undefined) return schema.enum.map((each) => `'${each}'`).join(' | ');
  if (items !== undefined) {
    const item = typeOf(items, interfaces);
    return `readonly ${item.includes(' | ') ? `(${item})` : item}[]`;
  }
  if (typeof schema.additionalProperties === 'object') {
    return `Readonly<Record<string, ${typeOf(schema.additionalProperties, interfaces)}>>`;
  }
  if (properties !== undefined && title !== undefined) {
    const members = Object.entries(properties).map(([name, each]) => {
      const mark = schema.required?.includes(name) === true ? '' : '?';
      return `${commentOf(each, '  ')}  readonly ${name}${mark}: ${typeOf(each, interfaces)};\n`;
    });
    interfaces.set(title, `${commentOf(schema, '')}export interface ${title} {\n${members.join('')}}`);
    return title;
  }
  const types = typeof type === 'string' ? [type] : (type ?? ['unknown']);
  return types.map((each) => (each === 'integer' ? 'number' : each)).join(' | ') + beside;
}

function commentOf({ description, default: value }: JsonSchema, indent: string): string {
  if (description === undefined) return '';
  const text = value === undefined ? description : `${description} Default: \`${value}\`.`;
  const line = `${indent}/** ${text} */\n`;
  if (line.length <= limit + 1) return line;
  const lines = wrapped(text, limit - indent.length - 3).map((each) => `${indent} * ${each}\n`);
  return `${indent}/**\n${lines.join('')}${indent} */\n`;
}

function wrapped(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) as string;
    if (last.length + word.length + 1 > width) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines;
}

/** An option: a leaf of the schema. */
export interface Option {
  readonly path: string;
  readonly schema: JsonSchema;
}

/** All options that have a description, in order. Templates of processors have a page of their own. */
export function optionsIn(schema: JsonSchema, path = ''): Option[] {
  const here = path !== '' && schema.description !== undefined && schema.title === undefined ? [{ path, schema }] : [];
  if (schema.title === 'CpuTemplate') return here;
  const inner = [
    ...Object.entries(schema.properties ?? {}).flatMap(([name, each]) =>
      optionsIn(each, path === '' ? name : `${path}.${name}`),
    ),
    ...(schema.items === undefined ? [] : optionsIn(schema.items, `${path}[]`)),
    ...(schema.anyOf ?? []).flatMap((each) => optionsIn(each, path)),
  ];
  // What several alternatives have in common is one option.
  const paths = new Set<string>();
  return [...here, ...inner].filter(({ path }) => !paths.has(path) && paths.add(path));
}

/** A table whose columns are aligned. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const escaped = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = head.map((_, i) => Math.max(3, ...escaped.map((row) => (row[i] as string).length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i] as number)).join(' | ')} |`;
  const [first = [], ...rest] = escaped;
  return [line(first), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rest.map(line)].join('\n');
}

/** A text whose part between two markers is replaced. */
export function withPart(text: string, name: string, part: string): string {
  const [start, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
  const [before, rest = ''] = text.split(start);
  const [, after] = rest.split(end);
  if (before === undefined || after === undefined) throw new Error(`the text has no ${start} ... ${end}`);
  return `${before}${start}\n\n${part}\n\n${end}${after}`;
}
