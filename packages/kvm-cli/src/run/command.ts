import { createWriteStream, openSync } from 'node:fs';
import pc from 'picocolors';
import { whyNoKernels } from '../doctor/host.js';
import { CliError, ExitStatus } from '../exit-status.js';
import { StreamSink, stderr, stdout } from '../output/stream-sink.js';
import type { FlagValues } from './document.js';
import { planRun, type RunFlags } from './plan.js';
import { failureOf, reportJson, reportText, statusOfRun } from './report.js';
import { SerialRecord } from './serial-record.js';
import { runSession, type SessionOptions } from './session.js';
import type { Sink } from './sink.js';

const newline = 0x0a;

/** `kvm-cli run`: runs a guest. Returns the exit status. */
export async function run(given: string | undefined, flags: RunFlags & FlagValues): Promise<number> {
  const { traceFile } = flags;
  const plan = await planRun(given, traceFile === undefined ? flags : { trace: 'all', ...flags });
  const { file } = plan;
  const record = new SerialRecord();
  const terminal = new LineWatcher(stdout);
  const options: SessionOptions = { plan, serialOutput: flags.json === true ? record : terminal };
  // The demo does not read input, and a guest that came through standard input has used it up.
  const hasInput = flags.stdin !== false && file !== undefined && file !== '-';
  if (hasInput) options.serialInput = process.stdin;
  if (flags.timeout !== undefined) options.timeoutSeconds = flags.timeout;
  const trace = traceFile === undefined ? undefined : openTrace(traceFile);
  if (trace !== undefined) options.traceOutput = trace;

  const end = await runSession(options);

  if (flags.json === true) stdout.write(reportJson(plan, end, record));
  else if (terminal.midLine && process.stdout.isTTY) stderr.write('\n');
  const failure = failureOf(end);
  if (failure !== undefined) {
    const why = end.record.outcome.kind === 'internal-error' ? whyNoKernels() : undefined;
    stderr.write(`kvm-cli: ${failure}${why === undefined ? '' : `: ${why}`}\n`);
  }
  if (flags.stats === true || (file === undefined && flags.json !== true)) {
    stderr.write(`\n${reportText(end, pc.createColors(pc.isColorSupported && process.stderr.isTTY))}`);
  }
  const status = statusOfRun(end);
  if (trace?.problem === undefined) return status;
  stderr.write(`kvm-cli: ${trace.problem}\n`);
  return status === ExitStatus.Ok ? ExitStatus.Failure : status;
}

/** @throws CliError for a file that cannot be written. */
function openTrace(path: string): StreamSink {
  try {
    return new StreamSink(path, createWriteStream('', { fd: openSync(path, 'w') }));
  } catch (error) {
    throw new CliError(`--trace-file: ${(error as Error).message}`);
  }
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
