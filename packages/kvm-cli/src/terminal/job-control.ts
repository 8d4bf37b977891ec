import { readFileSync } from 'node:fs';

/** What the kernel knows of this process and its controlling terminal. */
interface JobControl {
  readonly group: number;
  /** Device number of the controlling terminal; 0 when there is none. */
  readonly terminal: number;
  /** The process group in its foreground. */
  readonly foregroundGroup: number;
}

/** From `/proc/self/stat`; undefined without `/proc`. */
function jobControl(): JobControl | undefined {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1');
    // The command's name may have spaces and parentheses: the fields begin behind the last one.
    const [, , group, , terminal, foregroundGroup] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    if (group === undefined || terminal === undefined || foregroundGroup === undefined) return undefined;
    return { group, terminal, foregroundGroup };
  } catch {
    return undefined;
  }
}

/** Whether this process has a controlling terminal and is in its background: reading it or changing its settings stops the process. */
export function inBackground(): boolean {
  const job = jobControl();
  return job !== undefined && job.terminal !== 0 && job.foregroundGroup !== job.group;
}

/** Whether a terminal with this device number is the controlling one. Only that one has job control. */
export function isControllingTerminal(device: number): boolean {
  const devTty = 0x500;
  return device === devTty || device === jobControl()?.terminal;
}
