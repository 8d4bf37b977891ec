/** What the machine tells the host of its tests, a line each. */
export type Report =
  /** A file is this machine's to run. */
  | { kind: 'taken'; file: string }
  /** Its tests are about to run; `said` is what was printed while they were collected: why some are skipped. */
  | { kind: 'file'; file: string; said: string }
  | { kind: 'begin'; file: string; name: string }
  | { kind: 'end'; file: string; name: string; state: TestState; milliseconds: number; why?: string }
  /** A file that cannot be read, or a hook that fails. */
  | { kind: 'error'; file: string; why: string }
  | { kind: 'done'; file: string };

export type TestState = 'passed' | 'failed' | 'skipped';

/** What no test prints at the beginning of a line. */
const mark = '\u0001';

export function writeReport(report: Report): string {
  return `\n${mark}${JSON.stringify(report)}\n`;
}

/** The report in a line of output; undefined where it is something a test printed. */
export function readReport(line: string): Report | undefined {
  return line.startsWith(mark) ? (JSON.parse(line.slice(mark.length)) as Report) : undefined;
}
