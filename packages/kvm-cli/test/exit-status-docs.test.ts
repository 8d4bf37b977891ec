import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { table, withPart } from '../../kvm-vmm/test/schema-texts.js';
import { statusMeanings } from '../src/exit-status.js';

/** `npx vitest run test/exit-status-docs.test.ts -u` writes the table. */
test('the documentation has the table of help', async () => {
  const docs = fileURLToPath(new URL('../../../docs/cli.md', import.meta.url));
  const text = table(['status', ''], statusMeanings);
  await expect(withPart(readFileSync(docs, 'utf8'), 'exit statuses', text)).toMatchFileSnapshot(docs);
});
