import { Worker } from 'node:worker_threads';
import { type KickHandle, KvmError, kick } from '@kvm/core';
import { stderr, stdout } from '../output/stream-sink.js';
import { ByteRing } from './byte-ring.js';
import type { RunRecord, Task, VcpuMessage, VcpuTask } from './protocol.js';
import { RingPump, type Sink } from './ring-pump.js';
import { SerialInput } from './serial-input.js';
import { type StopCause, type StopSignal, stopSignals, stopStatus } from './stop-cause.js';

export interface SessionOptions {
  task: Task;
  /** Where goes what the guest says. */
  serialOutput: Sink;
  /** Where comes from what the guest hears; without it, it hears nothing. */
  serialInput?: typeof process.stdin;
  /** From the guest's first instruction on. */
  timeoutSeconds?: number;
}

export interface SessionEnd {
  readonly record: RunRecord;
  /** Set when the guest did not end by itself. */
  readonly stopCause: StopCause | undefined;
}

/** Bytes, a power of two. */
const ringSize = 0x1_0000;
/** Milliseconds that a slow reader is given for the rest of the output once the run was stopped. */
const grace = 500;

/**
 * Runs a guest in a thread of its own, while this one keeps what belongs to the process: standard input, signals, the time. The
 * guest is stopped, the terminal restored and the thread gone before this settles, whatever happens.
 *
 * @throws KvmError as the vCPU's thread met it.
 */
export async function runSession(options: SessionOptions): Promise<SessionEnd> {
  const session = new Session(options);
  return await session.run();
}

class Session {
  readonly #options: SessionOptions;
  readonly #stop = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  readonly #guestReads = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  readonly #serialIn = ByteRing.allocate(ringSize);
  readonly #serialOut = ByteRing.allocate(ringSize);
  readonly #traceOut = ByteRing.allocate(ringSize);
  readonly #input: SerialInput | undefined;
  #handle: KickHandle | undefined;
  #timeout: NodeJS.Timeout | undefined;
  #stopCause: StopCause | undefined;
  /** Settles some time after the run was stopped. */
  readonly #stoppedLongAgo: Promise<false>;
  #startGrace: () => void = () => {};

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#stoppedLongAgo = new Promise((resolve) => {
      this.#startGrace = () => setTimeout(() => resolve(false), grace);
    });
    if (options.serialInput !== undefined) {
      this.#input = new SerialInput({
        stdin: options.serialInput,
        ring: this.#serialIn,
        guestReads: () => Atomics.load(this.#guestReads, 0) !== 0,
        interrupt: (key) => this.#stopAtOnce(key),
        say: (text) => stderr.write(text),
        failed: (error) => stderr.write(`kvm-cli: standard input cannot be read: ${error.message}\n`),
      });
    }
  }

  async run(): Promise<SessionEnd> {
    const { serialOutput } = this.#options;
    const serial = new RingPump(this.#serialOut, serialOutput);
    const trace = new RingPump(this.#traceOut, stderr);
    // Even an error of our own leaves neither a raw terminal behind nor a guest that keeps the process from ending.
    const emergency = (): void => {
      this.#requestStop();
      this.#input?.stop();
    };
    process.once('exit', emergency);
    for (const signal of stopSignals) process.on(signal, this.#stopAtOnce);
    stdout.onFailure(() => this.#stopFor(stdout.readerHasGone ? 'output closed' : 'output failed'));
    try {
      try {
        this.#input?.start();
        const record = await this.#runWorker(serial, trace);
        return { record, stopCause: record.outcome.kind === 'interrupted' ? this.#stopCause : undefined };
      } finally {
        clearTimeout(this.#timeout);
        this.#input?.stop();
        await this.#deliver(serial, trace);
      }
    } finally {
      for (const signal of stopSignals) process.off(signal, this.#stopAtOnce);
      process.off('exit', emergency);
    }
  }

  /** Sees what the guest has said off to its readers; those of a run that was stopped are not waited for long. */
  async #deliver(serial: RingPump, trace: RingPump): Promise<void> {
    const delivered = (async () => {
      await Promise.all([serial.finish(), trace.finish()]);
      await Promise.all([stdout.flushed(), stderr.flushed()]);
      return true;
    })();
    if (await Promise.race([delivered, this.#stoppedLongAgo])) return;
    stdout.abandonUnread();
    stderr.abandonUnread();
  }

  /** A person wants the end. Asked a second time in the same way, it waits for nothing. */
  readonly #stopAtOnce = (cause: StopSignal | 'Ctrl-A x'): void => {
    if (this.#stopCause === cause) process.exit(stopStatus(cause));
    this.#stopFor(cause);
  };

  /** The guest is about to run. */
  #onReady(handle: KickHandle): void {
    this.#handle = handle;
    if (this.#stopCause !== undefined) kick(handle);
    const { timeoutSeconds } = this.#options;
    if (timeoutSeconds !== undefined) this.#timeout = setTimeout(() => this.#stopFor('timeout'), timeoutSeconds * 1000);
  }

  #stopFor(cause: StopCause): void {
    this.#stopCause ??= cause;
    this.#startGrace();
    this.#requestStop();
  }

  /** The flag first: a guest that is not running yet finds it, and one that is leaves by the kick and finds it then. */
  #requestStop(): void {
    Atomics.store(this.#stop, 0, 1);
    for (const ring of [this.#serialIn, this.#serialOut, this.#traceOut]) ring.interrupt();
    if (this.#handle !== undefined) kick(this.#handle);
  }

  async #runWorker(serial: RingPump, trace: RingPump): Promise<RunRecord> {
    const workerData: VcpuTask = {
      ...this.#options.task,
      stop: this.#stop,
      guestReads: this.#guestReads,
      serialIn: this.#serialIn.shared,
      serialOut: this.#serialOut.shared,
      traceOut: this.#traceOut.shared,
    };
    const worker = new Worker(new URL('./vcpu-worker.js', import.meta.url), { workerData, stdin: false });
    let record: RunRecord | undefined;
    let failure: Error | undefined;
    worker.on('message', (message: VcpuMessage) => {
      switch (message.kind) {
        case 'ready':
          this.#onReady(message.handle);
          break;
        case 'output':
          serial.wake();
          trace.wake();
          break;
        case 'room':
          this.#input?.roomMade();
          break;
        case 'done':
          record = message.record;
          break;
        case 'failed':
          failure =
            message.code === undefined ? new Error(message.message) : new KvmError(message.code, message.message);
          break;
      }
    });
    worker.on('error', (error) => {
      failure ??= error instanceof Error ? error : new Error(String(error));
    });
    await new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    this.#handle = undefined;
    if (failure !== undefined) throw failure;
    if (record === undefined) throw new Error('the thread of the vCPU ended without a word');
    return record;
  }
}
