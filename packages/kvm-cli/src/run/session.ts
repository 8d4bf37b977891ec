import { type KickHandle, kick } from '@kvm/core';
import { bootFlat, Machine } from '@kvm/vmm';
import { stderr, stdout } from '../output/stream-sink.js';
import { ByteRing } from './byte-ring.js';
import type { Exchange, GuestData, GuestMessage, RunRecord } from './messages.js';
import type { RunPlan } from './plan.js';
import { RingPump, type Sink } from './ring-pump.js';
import { SerialInput } from './serial-input.js';
import { type StopCause, type StopSignal, stopSignals, stopStatus } from './stop-cause.js';

export interface SessionOptions {
  plan: RunPlan;
  /** Takes the guest's serial output. */
  serialOutput: Sink;
  /** Gives the guest its serial input; without it, the guest has none. */
  serialInput?: typeof process.stdin;
  /** From the guest's first instruction on. */
  timeoutSeconds?: number;
}

export interface SessionEnd {
  readonly record: RunRecord;
  /** Why the guest was stopped; undefined when it ended by itself. */
  readonly stopCause: StopCause | undefined;
}

/** Bytes, a power of two. */
const ringSize = 0x1_0000;
/** How long a slow reader may take for the remaining output after the run was stopped, in milliseconds. */
const drainTime = 500;

/**
 * Runs a guest in a thread of its own. This thread keeps what belongs to the process: standard input, signals, the
 * timeout. However the run ends, the guest is stopped, the terminal restored and the thread gone when this settles.
 *
 * @throws KvmError of either thread.
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
  #kickHandle: KickHandle | undefined;
  #timeout: NodeJS.Timeout | undefined;
  #stopCause: StopCause | undefined;
  /** Settles `drainTime` after the run was stopped. */
  readonly #drainTimeOver: Promise<false>;
  #startDrainTime: () => void = () => {};

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#drainTimeOver = new Promise((resolve) => {
      this.#startDrainTime = () => setTimeout(() => resolve(false), drainTime);
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
    const serial = new RingPump(this.#serialOut, this.#options.serialOutput);
    const trace = new RingPump(this.#traceOut, stderr);
    // Also when kvm-cli fails: a raw terminal would outlive it. @kvm/core stops the guest then.
    const restoreTerminal = (): void => this.#input?.stop();
    process.once('exit', restoreTerminal);
    for (const signal of stopSignals) process.on(signal, this.#stopAtOnce);
    stdout.onFailure(() => this.#stopFor(stdout.readerHasGone ? 'output closed' : 'output failed'));
    try {
      try {
        const record = await this.#runGuest(serial, trace);
        return { record, stopCause: record.outcome.kind === 'interrupted' ? this.#stopCause : undefined };
      } finally {
        clearTimeout(this.#timeout);
        this.#input?.stop();
        await this.#deliver(serial, trace);
      }
    } finally {
      for (const signal of stopSignals) process.off(signal, this.#stopAtOnce);
      process.off('exit', restoreTerminal);
    }
  }

  async #runGuest(serial: RingPump, trace: RingPump): Promise<RunRecord> {
    const { device: path, backend, memorySize, image, layout, challenge, trace: isTraced } = this.#options.plan;
    using machine = Machine.create({
      kvm: { path, ...(backend !== undefined && { backend }) },
      memorySize,
      boot: (vcpu, memory) => bootFlat(vcpu, memory, image, layout),
    });
    this.#input?.start();
    const data: GuestData = {
      backend: machine.kvm.backendName,
      challenge,
      trace: isTraced,
      stop: this.#stop,
      guestReads: this.#guestReads,
      serialIn: this.#serialIn.shared,
      serialOut: this.#serialOut.shared,
      traceOut: this.#traceOut.shared,
    };
    this.#kickHandle = machine.vcpu.kickHandle();
    const { done } = machine.vm.start<Exchange>({
      vcpus: [machine.vcpu],
      handlers: new URL('./handlers.js', import.meta.url),
      data,
      onMessage: (message) => this.#take(message, serial, trace),
    });
    try {
      const [outcome] = await done;
      outcome?.vcpu.close();
      if (outcome?.ended !== 'handler') throw new Error(`the vCPU ended without a result: ${outcome?.ended}`);
      return outcome.result;
    } finally {
      this.#kickHandle = undefined;
    }
  }

  #take(message: GuestMessage, serial: RingPump, trace: RingPump): void {
    switch (message) {
      case 'running':
        this.#startTimeout();
        break;
      case 'output':
        serial.wake();
        trace.wake();
        break;
      case 'room':
        this.#input?.roomMade();
        break;
    }
  }

  #startTimeout(): void {
    const { timeoutSeconds } = this.#options;
    if (timeoutSeconds !== undefined) this.#timeout = setTimeout(() => this.#stopFor('timeout'), timeoutSeconds * 1000);
  }

  /** Delivers the guest's output. If the run was stopped, slow readers are given `drainTime`. */
  async #deliver(serial: RingPump, trace: RingPump): Promise<void> {
    const delivered = (async () => {
      await Promise.all([serial.finish(), trace.finish()]);
      await Promise.all([stdout.flushed(), stderr.flushed()]);
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

  /**
   * The word comes before the kick: a guest that the kick interrupts finds it set, and so does one that has not
   * started.
   */
  #stopFor(cause: StopCause): void {
    this.#stopCause ??= cause;
    this.#startDrainTime();
    Atomics.store(this.#stop, 0, 1);
    for (const ring of [this.#serialIn, this.#serialOut, this.#traceOut]) ring.interrupt();
    if (this.#kickHandle !== undefined) kick(this.#kickHandle);
  }
}
