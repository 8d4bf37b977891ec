import { inspect } from 'node:util';
import { type Console, Machine } from '@kvm/vmm';
import { expectedResult, type Operands, verdictOn } from '../demo/challenge.js';
import { whyNoKernels } from '../doctor/host.js';
import { type StreamSink, stderr, stdout } from '../output/stream-sink.js';
import type { RunPlan } from './plan.js';
import type { ChallengeResult, RunRecord } from './run-record.js';
import { SerialInput } from './serial-input.js';
import { patienceSeconds, silenceText } from './silence.js';
import { pump, type Sink } from './sink.js';
import { type StopCause, type StopSignal, stopSignals, stopStatus } from './stop-cause.js';

export interface SessionOptions {
  plan: RunPlan;
  /** Takes the guest's serial output. */
  serialOutput: Sink;
  /** Gives the guest its serial input; without it, the guest has none. */
  serialInput?: typeof process.stdin;
  /** Takes the trace; standard error without it. */
  traceOutput?: StreamSink;
  /** From the guest's first instruction on. */
  timeoutSeconds?: number;
}

export interface SessionEnd {
  readonly record: RunRecord;
  /** Why the guest was stopped; undefined when it ended by itself. */
  readonly stopCause: StopCause | undefined;
}

/** How long a slow reader may take for the remaining output after the run was stopped, in milliseconds. */
const drainTime = 500;

/**
 * Runs a guest in a machine. This thread keeps what belongs to the process: standard input, signals, the timeout.
 * However the run ends, the guest is stopped, the terminal restored and the machine closed when this settles.
 *
 * @throws KvmError of the machine.
 */
export async function runSession(options: SessionOptions): Promise<SessionEnd> {
  const session = new Session(options);
  return await session.run();
}

class Session {
  readonly #options: SessionOptions;
  #machine: Machine | undefined;
  #input: SerialInput | undefined;
  readonly #timers: NodeJS.Timeout[] = [];
  #stopCause: StopCause | undefined;
  #result: bigint | undefined;
  #traced = 0;
  /** Settles `drainTime` after the run was stopped. */
  readonly #drainTimeOver: Promise<false>;
  #startDrainTime: () => void = () => {};

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#drainTimeOver = new Promise((resolve) => {
      this.#startDrainTime = () => setTimeout(() => resolve(false), drainTime);
    });
  }

  async run(): Promise<SessionEnd> {
    // Also when kvm-cli fails: a raw terminal would outlive it. @kvm/core stops the guest then.
    const restoreTerminal = (): void => this.#input?.stop();
    process.once('exit', restoreTerminal);
    for (const signal of stopSignals) process.on(signal, this.#stopAtOnce);
    stdout.onFailure(() => this.#stopFor(stdout.readerHasGone ? 'output closed' : 'output failed'));
    try {
      const record = await this.#runGuest();
      return { record, stopCause: record.outcome.kind === 'interrupted' ? this.#stopCause : undefined };
    } finally {
      for (const signal of stopSignals) process.off(signal, this.#stopAtOnce);
      process.off('exit', restoreTerminal);
    }
  }

  async #runGuest(): Promise<RunRecord> {
    const { machine: options, challenge } = this.#options.plan;
    const { devices = [], trace } = options;
    const demo = challenge && { module: new URL('../demo/device.js', import.meta.url), data: challenge };
    await using machine = await Machine.create({
      ...options,
      devices: demo === undefined ? devices : [...devices, demo],
      onMessage: (message, device) => {
        // The demo has no other device with messages.
        if (challenge !== undefined) this.#result = message as bigint;
        else stderr.write(`${device}: ${inspect(message)}\n`);
      },
      ...(trace !== undefined && { onExit: (description: string, vcpu: number) => this.#trace(description, vcpu) }),
    });
    this.#machine = machine;
    const { console } = machine;
    const output = pump(console, this.#options.serialOutput);
    const { stdout: terminal } = process;
    const resize = (): void => machine.resizeConsole(terminal.columns, terminal.rows);
    const hasSize = this.#isVirtio && terminal.isTTY;
    try {
      if (hasSize) {
        resize();
        terminal.on('resize', resize);
      }
      this.#input = this.#openInput(console, machine);
      this.#input?.start();
      void machine.started.then(() => this.#startTimers(machine));
      if (this.#stopCause === undefined) machine.start();
      else void machine.stop();
      const outcome = await machine.done;
      const { began, ...stats } = machine.stats;
      return {
        outcome,
        backend: machine.kvm.backendName,
        ...stats,
        secondsToStart: began && Math.round((began - performance.timeOrigin) * 1000) / 1e6,
        challenge: challenge && this.#verdict(challenge),
      };
    } finally {
      this.#machine = undefined;
      for (const timer of this.#timers) clearTimeout(timer);
      terminal.off('resize', resize);
      this.#input?.stop();
      await this.#deliver(output);
    }
  }

  get #isVirtio(): boolean {
    return this.#options.plan.machine.console === 'virtio';
  }

  #openInput(console: Console, machine: Machine): SerialInput | undefined {
    const { serialInput } = this.#options;
    if (serialInput === undefined) return undefined;
    return new SerialInput({
      stdin: serialInput,
      console,
      guestReads: () => machine.readsConsole,
      interrupt: (key) => this.#stopAtOnce(key),
      say: (text) => stderr.write(text),
      failed: (error) => stderr.write(`kvm-cli: standard input cannot be read: ${error.message}\n`),
    });
  }

  #trace(description: string, vcpu: number): Promise<void> | undefined {
    const output = this.#options.traceOutput ?? stderr;
    output.write(`#${++this.#traced} cpu${vcpu} ${description}\n`);
    return output.full ? output.drained() : undefined;
  }

  #verdict(operands: Operands): ChallengeResult {
    const result = this.#result;
    return { ...operands, expected: expectedResult(operands), result, verdict: verdictOn(result, operands) };
  }

  #startTimers(machine: Machine): void {
    const { timeoutSeconds, plan } = this.#options;
    if (this.#machine === undefined) return;
    if (timeoutSeconds !== undefined) {
      this.#timers.push(setTimeout(() => this.#stopFor('timeout'), timeoutSeconds * 1000));
    }
    if (plan.machine.boot.type === 'linux') {
      this.#timers.push(setTimeout(() => this.#lookForProgress(machine), patienceSeconds * 1000));
    }
  }

  #lookForProgress({ stats }: Machine): void {
    const text = silenceText(stats, this.#isVirtio ? 'hvc0' : 'ttyS0', whyNoKernels());
    if (text !== undefined) stderr.write(`kvm-cli: ${text}\n`);
  }

  /** Delivers the guest's output. If the run was stopped, slow readers are given `drainTime`. */
  async #deliver(output: Promise<void>): Promise<void> {
    const delivered = (async () => {
      await output;
      await Promise.all([stdout.flushed(), stderr.flushed(), this.#options.traceOutput?.flushed()]);
      return true;
    })();
    if (await Promise.race([delivered, this.#drainTimeOver])) return;
    stdout.abandonUnread();
    stderr.abandonUnread();
  }

  /** A person wants the run to end. The second request of a kind ends kvm-cli at once. */
  readonly #stopAtOnce = (cause: StopSignal | 'Ctrl-A x'): void => {
    if (this.#stopCause === cause) process.exit(stopStatus(cause));
    this.#stopFor(cause);
  };

  #stopFor(cause: StopCause): void {
    this.#stopCause ??= cause;
    this.#startDrainTime();
    // The run shows its error.
    this.#machine?.stop().catch(() => {});
  }
}
