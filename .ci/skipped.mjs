// After `npm test`: the tests that a host without KVM has skipped, and the command that runs them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { whyNoKvm } from './kvm.mjs';

/** The packages with tests that run guests. */
const names = ['core', 'vmm', 'cli'];

const reason = whyNoKvm();
if (reason !== undefined) {
  const counts = names.map((name) => `${skippedOf(`kvm-${name}`)} of @kvm/${name}`);
  process.stdout.write(
    `\nNot run, because ${reason}: the tests that run guests (${counts.join(', ')}).\n` +
      'They run in a lab, an emulated machine with a KVM of its own:\n' +
      `  npx pnpm lab test --arch x86 --kernel 6.12 ${names.map((name) => `--package ${name}`).join(' ')}\n`,
  );
}

function skippedOf(folder) {
  try {
    const results = readFileSync(join(import.meta.dirname, '../packages', folder, 'test-results.json'), 'utf8');
    return JSON.parse(results).numPendingTests;
  } catch {
    // Its suite did not finish.
    return 'all';
  }
}
