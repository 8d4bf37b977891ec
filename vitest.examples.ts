import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'node:util';
import { afterAll, describe, expect, test, vi } from 'vitest';

/**
 * Runs the examples of the documentation that import a package: each must end well and print what its comments say it prints.
 *
 * @param folder The package's test folder: the examples are written there, so that vitest compiles them as it does the tests.
 * @param missing Why they cannot run on this machine.
 */
export function testExamples(packageName: string, folder: string, missing?: string): void {
  const docs = join(import.meta.dirname, 'docs');
  const workspace = join(folder, `.examples-${process.pid}`);
  const examples = readdirSync(docs)
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) => {
      const blocks = [...readFileSync(join(docs, file), 'utf8').matchAll(/^```ts\n(.*?)^```$/gms)];
      return blocks.map(([, code = ''], index) => ({ name: `${file.replace('.md', '')}-${index + 1}`, code }));
    })
    .filter(({ code }) => code.includes(`from '${packageName}'`));

  if (missing !== undefined) process.stdout.write(`the examples of the documentation are not run: ${missing}\n`);

  describe.skipIf(missing !== undefined)(`the documentation of ${packageName}`, () => {
    afterAll(() => rmSync(workspace, { recursive: true, force: true }));

    test('has examples', () => expect(examples.length).toBeGreaterThan(0));

    test.each(examples)('example $name runs and prints what it says', async ({ name, code }) => {
      mkdirSync(workspace, { recursive: true });
      const path = join(workspace, `${name}.ts`);
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
}
