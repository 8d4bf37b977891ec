import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { machineSchema } from '../src/machine/schema.js';
import { optionsIn, table, typesOf, withPart } from './schema-texts.js';

/** What is written from the schema is as it says. `npx vitest run test/schema.test.ts -u` writes it. */

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

test('the types of TypeScript are those of the schema', async () => {
  await expect(typesOf(machineSchema)).toMatchFileSnapshot('../src/machine/document.ts');
});

test('the published schema is the one that checks', async () => {
  await expect(`${JSON.stringify(machineSchema, undefined, 2)}\n`).toMatchFileSnapshot('../machine.schema.json');
});

const codes = (value: string | number | boolean | undefined): string => (value === undefined ? '' : `\`${value}\``);
const options = optionsIn(machineSchema);

test('the documentation has a table of all options', async () => {
  const rows = options.map(({ path, schema }) => [
    codes(path),
    codes(schema['x-flag']),
    schema.description ?? '',
    codes(schema.default),
  ]);
  const docs = path('../../../docs/machine.md');
  const text = table(['option', 'of kvm-cli', '', 'default'], rows);
  await expect(withPart(readFileSync(docs, 'utf8'), 'options of a machine', text)).toMatchFileSnapshot(docs);
});

test('the documentation of kvm-cli has a table of those with a flag', async () => {
  const rows = options.flatMap(({ schema }) => {
    const { 'x-flag': flag, description = '' } = schema;
    return flag === undefined ? [] : [[codes(flag), description, codes(schema.default)]];
  });
  const docs = path('../../../docs/cli.md');
  const text = table(['option', '', 'default'], rows);
  await expect(withPart(readFileSync(docs, 'utf8'), 'flags of a machine', text)).toMatchFileSnapshot(docs);
});
