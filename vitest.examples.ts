import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'node:util';
import { afterAll, describe, expect, test, vi } from 'vitest';

/** A TypeScript sample in a document. */
export interface Sample {
  /** Document and number of the sample, such as "memory-2". */
  readonly name: string;
  readonly code: string;
}

/** The documents with samples: the guides and the packages' READMEs. */
export function documents(): string[] {
  const root = import.meta.dirname;
  const guides = readdirSync(join(root, 'docs')).map((file) => `docs/${file}`);
  const packages = readdirSync(join(root, 'packages')).flatMap((folder) => [
    `packages/${folder}/README.md`,
    `packages/${folder}/conformance/README.md`,
  ]);
  return ['README.md', ...guides, ...packages].filter((file) => file.endsWith('.md') && existsSync(join(root, file)));
}

/** The samples of a document, in order. */
export function samplesOf(document: string): Sample[] {
  const text = readFileSync(join(import.meta.dirname, document), 'utf8');
  const name = document
    .replace(/^docs\//, '')
    .replace(/\.md$/, '')
    .replaceAll('/', '-');
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ''], i) => ({ name: `${name}-${i + 1}`, code }));
}

/**
 * Whether a package's tests run an example. @kvm/core cannot resolve @kvm/vmm, so an example with both belongs to
 * @kvm/vmm.
 */
function belongsTo(packageName: string, code: string): boolean {
  return code.includes(`from '${packageName}'`) && (packageName !== '@kvm/core' || !code.includes("from '@kvm/vmm"));
}

/**
 * Runs the examples of the documentation that import a package. Each must succeed and print what its comments say.
 *
 * @param folder The package's test folder. The examples are written there, so that vitest compiles them like the tests.
 * @param missing Why they cannot run on this machine.
 */
export function testExamples(packageName: string, folder: string, missing?: string): void {
  const workspace = join(folder, `.examples-${process.pid}`);
  const examples = documents()
    .flatMap(samplesOf)
    .filter(({ code }) => belongsTo(packageName, code));

  if (missing !== undefined) process.stdout.write(`the examples of the documentation are skipped: ${missing}\n`);

  describe.skipIf(missing !== undefined)(`the documentation of ${packageName}`, () => {
    afterAll(() => rmSync(workspace, { recursive: true, force: true }));

    test('has examples', () => expect(examples.length).toBeGreaterThan(0));

    test.each(examples)('example $name runs and prints what its comments say', async ({ name, code }) => {
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
