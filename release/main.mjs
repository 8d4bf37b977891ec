// Releases all packages: versions and change logs from the changesets, a clean build, publication, tags.
//
//     npx pnpm release                              in the release workflow, which may publish
//     npx pnpm release --registry URL --no-build    to a registry on this machine, from what is built: CI's dry run
//
// Each step that is already done is skipped, so that a release that failed can be started again.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { differencesOf } from './contents.mjs';
import { publishedPackages, readJson, root } from './packages.mjs';
import { defaultRegistry, isPublished, publish } from './publish.mjs';
import { missingEntries, refusalsOfCheckout } from './refusals.mjs';
import { stagePackages } from './stage.mjs';

const { values: options } = parseArgs({
  options: { registry: { type: 'string' }, 'no-build': { type: 'boolean', default: false } },
});
const registry = options.registry ?? defaultRegistry();
const say = (line) => process.stdout.write(`${line}\n`);
const run = (command, args, cwd = root) => execFileSync(command, args, { cwd, stdio: 'inherit' });

refuseIf(refusalsOfCheckout());
version();
if (!options['no-build']) build();

const staging = join(root, 'build/release');
const packages = await stagePackages(await unpublishedPackages(), staging);
refuseIf([
  ...packages.flatMap((each) => missingEntries(each, (path) => existsSync(join(each.staged, path)))),
  ...packages.flatMap(differencesOf),
]);
for (const each of packages) {
  publish(each.staged, registry, process.env.NPM_TOKEN);
  say(`${idOf(each)} is published`);
}
changesets('tag');
rmSync(staging, { recursive: true, force: true });
say('What remains: git push --follow-tags');

function refuseIf(reasons) {
  if (reasons.length === 0) return;
  process.stderr.write(`not released:\n${reasons.map((reason) => `- ${reason}\n`).join('')}`);
  process.exit(1);
}

function idOf({ name, manifest }) {
  return `${name}@${manifest.version}`;
}

async function unpublishedPackages() {
  const packages = [];
  for (const each of publishedPackages()) {
    if (await isPublished(each.name, each.manifest.version, registry)) say(`${idOf(each)} was published before`);
    else packages.push(each);
  }
  return packages;
}

function changesets(command) {
  run(process.execPath, ['node_modules/@changesets/cli/bin.js', command]);
}

/** Turns the changesets into versions and change logs, in a commit. */
function version() {
  if (!readdirSync(join(root, '.changeset')).some((name) => name.endsWith('.md'))) return;
  changesets('version');
  const [{ manifest }] = publishedPackages();
  run('git', ['add', '--all', '.changeset', 'packages']);
  run('git', ['commit', '--quiet', '--message', `release: version ${manifest.version}`]);
}

/** Builds everything anew: the output of deleted sources must not be published. */
function build() {
  for (const { folder } of publishedPackages()) {
    for (const output of ['dist', 'prebuilds']) rmSync(join(root, folder, output), { recursive: true, force: true });
  }
  run('npx', ['-y', readJson('package.json').packageManager, 'run', '--silent', 'build', '--force']);
  const native = join(root, 'packages/kvm-native');
  run('node', ['build.mjs', '--release'], native);
}
