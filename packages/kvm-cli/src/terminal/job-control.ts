import { readFileSync } from 'node:fs';

/** This process and its controlling terminal, as the kernel sees them. */
interface JobControl {
  readonly group: number;
  /** Device number of the controlling terminal; 0 when there is none. */
  readonly terminal: number;
  /** The foreground process group of the terminal. */
  readonly foregroundGroup: number;
}

/** Read from `/proc/self/stat`; undefined without `/proc`. */
function jobControl(): JobControl | undefined {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1');
    // The command name may contain spaces and parentheses: the other fields follow the last parenthesis.
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

/**
 * Whether this process is in the background of its controlling terminal. Reading the terminal or changing its settings
 * would stop the process then.
 */
export function inBackground(): boolean {
  const job = jobControl();
  return job !== undefined && job.terminal !== 0 && job.foregroundGroup !== job.group;
}

/** Whether the terminal with this device number is the controlling one. Only that one has job control. */
export function isControllingTerminal(device: number): boolean {
  const devTty = 0x500;
  return device === devTty || device === jobControl()?.terminal;
}
