import pc from 'picocolors';
import { stderr, stdout } from '../output/stream-sink.js';
import { planRun, type RunFlags } from './plan.js';
import { failureOf, reportJson, reportText, statusOfRun } from './report.js';
import { SerialRecord } from './serial-record.js';
import { runSession, type SessionOptions } from './session.js';
import type { Sink } from './sink.js';

const newline = 0x0a;

/** `kvm-cli run`: runs a guest. Returns the exit status. */
export async function run(file: string | undefined, flags: RunFlags): Promise<number> {
  const plan = await planRun(file, flags);
  const record = new SerialRecord();
  const terminal = new LineWatcher(stdout);
  const options: SessionOptions = { plan, serialOutput: flags.json === true ? record : terminal };
  // The demo does not read input, and a guest that came through standard input has used it up.
  const hasInput = flags.stdin !== false && file !== undefined && file !== '-';
  if (hasInput) options.serialInput = process.stdin;
  if (flags.timeout !== undefined) options.timeoutSeconds = flags.timeout;

  const end = await runSession(options);

  if (flags.json === true) stdout.write(reportJson(plan, end, record));
  else if (terminal.midLine && process.stdout.isTTY) stderr.write('\n');
  const failure = failureOf(end);
  if (failure !== undefined) stderr.write(`kvm-cli: ${failure}\n`);
  if (flags.stats === true || (file === undefined && flags.json !== true)) {
    stderr.write(`\n${reportText(end, pc.createColors(pc.isColorSupported && process.stderr.isTTY))}`);
  }
  return statusOfRun(end);
}

/** Passes serial output on, and knows whether its last line has ended. */
class LineWatcher implements Sink {
  readonly #sink: Sink;
  midLine = false;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  get full(): boolean {
    return this.#sink.full;
  }

  write(bytes: Uint8Array): void {
    this.midLine = bytes.at(-1) !== newline;
    this.#sink.write(bytes);
  }

  async drained(): Promise<void> {
    await this.#sink.drained();
  }
}
