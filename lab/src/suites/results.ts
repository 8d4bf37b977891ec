import { type Report, readReport } from '../guest/report.js';

/** The result of one test. */
export interface TestResult {
  file: string;
  name: string;
  state: 'passed' | 'failed' | 'skipped';
  milliseconds: number;
  why?: string;
}

/** Collects the reports of a machine about its tests. */
export class Results {
  readonly tests: TestResult[] = [];
  /** The finished files. */
  readonly ended = new Set<string>();
  readonly #reasons = new Map<string, string>();
  #running: { file: string; name: string } | undefined;
  #rest = '';

  /** Whether a file has begun and not finished. */
  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  get hasBegun(): boolean {
    return this.isRunning || this.ended.size > 0;
  }

  /** Parses the machine's output. Returns the part that tests printed. */
  add(chunk: Buffer): string {
    const lines = (this.#rest + chunk.toString()).split('\n');
    this.#rest = lines.pop() ?? '';
    const printed: string[] = [];
    for (const line of lines) {
      const report = readReport(line);
      if (report === undefined) printed.push(line);
      else this.#hear(report);
    }
    return printed.filter((line) => line !== '').join('\n');
  }

  /**
   * The machine ended early. The test that ran has failed, and its file is given up. Returns whether any file had
   * begun.
   */
  giveUp(why: string): boolean {
    const running = this.#running;
    if (running === undefined) return false;
    this.tests.push({ ...running, state: 'failed', milliseconds: 0, why });
    this.ended.add(running.file);
    this.#running = undefined;
    return true;
  }

  #hear(report: Report): void {
    const { file } = report;
    if (report.kind === 'taken') {
      this.#running = { file, name: '(while it was loaded)' };
    } else if (report.kind === 'file') {
      this.#running = { file, name: '(between its tests)' };
      for (const [, title = '', why = ''] of report.said.matchAll(/^(.*?): skipped, (.*)$/gm))
        this.#reasons.set(title, why);
    } else if (report.kind === 'begin') {
      this.#running = report;
    } else if (report.kind === 'end') {
      const { name, state, milliseconds } = report;
      const why = report.why ?? (state === 'skipped' ? this.#reasonFor(name) : undefined);
      this.tests.push({ file, name, state, milliseconds, ...(why === undefined ? {} : { why }) });
    } else if (report.kind === 'error') {
      this.tests.push({ file, name: '(the file)', state: 'failed', milliseconds: 0, why: report.why });
    } else {
      this.ended.add(file);
      this.#running = undefined;
    }
  }

  #reasonFor(name: string): string | undefined {
    // The title of a group within another is only a part of the name.
    return [...this.#reasons].find(([title]) => ` > ${name}`.includes(` > ${title}`))?.[1];
  }
}
