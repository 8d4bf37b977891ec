import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

/** What devices need that few machines have is loaded with these devices. */
test('the import of the package loads no module of Node for networks, processes or cryptography', () => {
  const index = new URL('../dist/index.js', import.meta.url).href;
  const program = `await import(${JSON.stringify(index)}); console.log(process.moduleLoadList.join('\\n'));`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    encoding: 'utf8',
  });
  const loaded = output.split('\n').map((line) => line.replace('NativeModule ', ''));
  expect(loaded).toContain('worker_threads');
  for (const name of ['net', 'dgram', 'http', 'child_process', 'crypto']) expect(loaded).not.toContain(name);
});
