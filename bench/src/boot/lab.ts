import { spawnSync } from 'node:child_process';

const lab = new URL('../../../lab/dist/main.js', import.meta.url).pathname;
const program = new URL('./main.js', import.meta.url).pathname;

const rounds = 5;
/** Seconds for all boots: an emulated processor takes some for each. */
const timeout = 900;

/** Runs the boots as root in a lab, which has a KVM and its tracepoints. Returns the exit status. */
export function bootInLab(how: readonly string[]): number {
  const machine = ['--cpus', '2', '--mem', '2G', '--timeout', `${timeout}`];
  const command = [process.execPath, program, `${rounds}`, ...how];
  const { status } = spawnSync(process.execPath, [lab, 'run', ...machine, '--', ...command], { stdio: 'inherit' });
  return status ?? 1;
}
