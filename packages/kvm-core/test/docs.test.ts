import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'node:util';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { noKvm } from './backends.js';

/** The examples of the documentation, run: each must end well and print what its comments say it prints. */

const docs = join(import.meta.dirname, '..', '..', '..', 'docs');
// Beside this file, so that vitest compiles them as it does the tests.
const folder = join(import.meta.dirname, `.examples-${process.pid}`);

const examples = readdirSync(docs)
  .filter((file) => file.endsWith('.md'))
  .flatMap((file) => {
    const blocks = [...readFileSync(join(docs, file), 'utf8').matchAll(/^```ts\n(.*?)^```$/gms)];
    return blocks.map(([, code = ''], index) => ({ name: `${file.replace('.md', '')}-${index + 1}`, code }));
  });

if (noKvm !== undefined) process.stdout.write(`the examples of the documentation are not run: ${noKvm}\n`);

describe.skipIf(noKvm !== undefined)('the documentation', () => {
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('has examples', () => expect(examples.length).toBeGreaterThan(5));

  test.each(examples)('example $name runs and prints what it says', async ({ name, code }) => {
    mkdirSync(folder, { recursive: true });
    const path = join(folder, `${name}.ts`);
    writeFileSync(path, code);
    const printed: string[] = [];
    const log = vi.spyOn(console, 'log').mockImplementation((...values) => {
      printed.push(format(...values));
    });
    try {
      await import(path);
    } finally {
      log.mockRestore();
    }
    const promised = [...code.matchAll(/console\.log\(.*\); *\/\/ (.+)$/gm)].map(([, text]) => text);
    for (const text of promised) expect(printed).toContain(text);
  });
});
