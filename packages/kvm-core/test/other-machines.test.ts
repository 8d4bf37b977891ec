import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format } from 'node:util';
import { expect, test, vi } from 'vitest';
import { describeUnless, noKvm } from './backends.js';
import { builtCore } from './machine.js';

/**
 * The examples of the pages about other architectures, which run only there. They are valid JavaScript, because there
 * is no compiler there.
 */
for (const [page, machine] of [
  ['arm64', 'arm64'],
  ['riscv', 'riscv64'],
] as const) {
  const text = readFileSync(new URL(`../../../docs/${page}.md`, import.meta.url), 'utf8');
  const examples = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ''], i) => ({ name: i + 1, code }));

  const elsewhere = process.arch === machine ? undefined : `they are about ${machine}`;
  describeUnless(elsewhere ?? noKvm, `the examples of docs/${page}.md`, () => {
    test.each(examples)('example $name runs and prints what its comments say', async ({ code }) => {
      const folder = mkdtempSync(join(tmpdir(), 'kvm-example-'));
      const file = join(folder, 'example.mjs');
      writeFileSync(file, code.replaceAll(`'@kvm/core/${page}'`, `'${builtCore}'`));
      const printed: string[] = [];
      const log = vi.spyOn(console, 'log').mockImplementation((...values) => {
        printed.push(format(...values));
      });
      try {
        await import(file);
      } finally {
        log.mockRestore();
        rmSync(folder, { recursive: true });
      }
      const promised = [...code.matchAll(/console\.log\(.*\); *\/\/ (.+)$/gm)].map(([, text]) => text);
      expect(printed).toEqual(promised);
    });
  });
}
