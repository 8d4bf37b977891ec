// Adds up the results of all suites into one line. Fails if any test failed.
import { readdirSync, readFileSync } from 'node:fs';

const total = { passed: 0, failed: 0, skipped: 0 };
const suites = ['.ci', 'bench', 'lab', ...readdirSync('packages').map((name) => `packages/${name}`)];
const runs = suites.flatMap((suite) => {
  // A suite that ran on several runtimes has a file for each.
  const files = readdirSync(suite).filter((name) => /^test-results.*\.json$/.test(name));
  if (files.length === 0) throw new Error(`${suite} has no results: it did not run, or did not finish`);
  return files.map((name) => `${suite}/${name}`);
});
for (const run of runs) {
  const results = JSON.parse(readFileSync(run, 'utf8'));
  total.passed += results.numPassedTests;
  total.failed += results.numFailedTests + (results.success ? 0 : results.numFailedTests === 0 ? 1 : 0);
  total.skipped += results.numPendingTests + results.numTodoTests;
}
process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
process.exit(total.failed === 0 ? 0 : 1);
