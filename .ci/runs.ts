import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A program to run where KVM is available. */
export interface Run {
  readonly name: string;
  readonly folder: string;
  readonly command: readonly string[];
}

export interface Result {
  readonly name: string;
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs programs where KVM is available, all of them in one lab: a lab takes longer to boot than most programs run.
 *
 * @param folder for the list of the programs
 */
export function runWithKvm(folder: string, runs: readonly Run[]): Map<string, Result> {
  const file = join(folder, 'runs.json');
  writeFileSync(file, JSON.stringify(runs));
  const runner = [process.execPath, join(import.meta.dirname, 'user/run-all.mjs'), file];
  // pnpm's shims point NODE_PATH into this workspace, where a user's project would find what it did not install.
  const { NODE_PATH: _, ...env } = process.env;
  const command = [join(import.meta.dirname, 'with-kvm'), ...runner];
  const { stdout, stderr } = spawnSync('bash', command, {
    cwd: join(import.meta.dirname, '..'),
    env,
    encoding: 'utf8',
  });
  const results = stdout.trim().split('\n');
  if (results.length !== runs.length) throw new Error(`not all programs ran:\n${stdout}${stderr}`);
  return new Map(results.map((line) => JSON.parse(line) as Result).map((result) => [result.name, result]));
}
