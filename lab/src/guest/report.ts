/** The reports of the machine to the host about its tests, one line each. */
export type Report =
  /** This machine has taken a file. */
  | { kind: 'taken'; file: string }
  /** Its tests are about to run. `said` is the output during their collection: the reasons for skipping some. */
  | { kind: 'file'; file: string; said: string }
  | { kind: 'begin'; file: string; name: string }
  | { kind: 'end'; file: string; name: string; state: TestState; milliseconds: number; why?: string }
  /** A file that cannot be loaded, or a hook that fails. */
  | { kind: 'error'; file: string; why: string }
  | { kind: 'done'; file: string };

export type TestState = 'passed' | 'failed' | 'skipped';

/** A prefix that no test prints at the beginning of a line. */
const mark = '\u0001';

/** Characters of an explanation. A terminal's line has no room for the difference of two long strings. */
const longest = 16_000;

export function writeReport(report: Report): string {
  const shortened = 'why' in report && report.why !== undefined ? { why: report.why.slice(0, longest) } : {};
  return `\n${mark}${JSON.stringify({ ...report, ...shortened })}\n`;
}

/** The report in a line of output; undefined if a test printed the line. */
export function readReport(line: string): Report | undefined {
  return line.startsWith(mark) ? (JSON.parse(line.slice(mark.length)) as Report) : undefined;
}
