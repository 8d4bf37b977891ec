// Why a release must not happen. Each function returns the reasons, or an empty list.
import { execFileSync } from 'node:child_process';
import { isPlaceholder, repositoryAddress, root } from './packages.mjs';

/** @returns reasons that hold before anything is built. */
export function refusalsOfCheckout() {
  const reasons = [];
  const address = repositoryAddress();
  if (isPlaceholder(address)) {
    reasons.push(`${address} is a placeholder: set repository.url in package.json, then \`npx pnpm metadata\``);
  }
  const changes = execFileSync('git', ['status', '--porcelain'], { cwd: root, encoding: 'utf8' }).trimEnd();
  if (changes !== '') reasons.push(`the checkout has changes that are not committed:\n${changes}`);
  try {
    execFileSync(process.execPath, ['release/metadata.mjs', '--check'], { cwd: root, stdio: 'pipe' });
  } catch (error) {
    reasons.push(`these files are out of date:\n${error.stderr.toString().trimEnd()}`);
  }
  return reasons;
}

/** @returns what a staged package names as its entry but does not contain. */
export function missingEntries({ name, manifest }, exists) {
  const targets = [];
  const collect = (value) => {
    if (typeof value === 'string') targets.push(value);
    else for (const each of Object.values(value ?? {})) collect(each);
  };
  collect(manifest.exports);
  collect(manifest.bin);
  return [...new Set(targets)].filter((path) => !exists(path)).map((path) => `${name}: ${path} is missing`);
}
