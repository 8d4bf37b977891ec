import type { Exit, HandlerContext, Handlers, Vcpu, Vm } from '@kvm/core';
import { DebugExit, Devices, describeExit, ExitCounts, ExitDispatcher, type Outcome, Uart } from '@kvm/vmm';
import { Challenge } from '../demo/challenge.js';
import { ByteRing } from './byte-ring.js';
import type { ChallengeResult, Exchange, RunRecord } from './messages.js';

/** A guest that has polled for input this often in a row waits for it: its thread sleeps then. */
const pollLimit = 256;
/** Milliseconds. Input and a stop end a sleep at once. The limit is for a guest that polls for something else, too. */
const napTime = 10;

type Context = HandlerContext<Vm, Vcpu, Exchange>;

/** A guest with its devices, in the thread of its vCPU. */
class Guest {
  readonly #context: Context;
  readonly #devices = new Devices();
  readonly #challenge: Challenge | undefined;
  readonly #counts = new ExitCounts();
  readonly #dispatcher: ExitDispatcher;
  readonly #serialIn: ByteRing;
  readonly #serialOut: ByteRing;
  readonly #traceOut: ByteRing;
  #startTime = 0;
  /** Whether the guest has been given input. */
  #hasInput = false;
  #traced = 0;

  constructor(context: Context) {
    const { vcpu, data } = context;
    const { challenge, trace } = data;
    this.#context = context;
    this.#serialIn = new ByteRing(data.serialIn);
    this.#serialOut = new ByteRing(data.serialOut);
    this.#traceOut = new ByteRing(data.traceOut);
    const uart: Uart = this.#devices.add(
      new Uart({
        output: (bytes) => this.#send(this.#serialOut, bytes),
        // The ring is the buffer: a byte is on its way even if the guest never exits again.
        outputBuffer: 1,
        starved: (times) => this.#feed(uart, times),
      }),
    );
    this.#devices.add(new DebugExit());
    this.#challenge = challenge && this.#devices.add(new Challenge(challenge.a, challenge.b));
    this.#dispatcher = new ExitDispatcher(vcpu, {
      devices: this.#devices,
      counts: this.#counts,
      interrupted: () => this.#isStopped,
      ...(trace && { observe: (exit) => this.#trace(exit) }),
    });
  }

  begin(): void {
    this.#context.post('running');
    this.#startTime = performance.now();
    if (this.#isStopped) this.#end({ kind: 'interrupted' });
  }

  handle(exit: Exit): void {
    const outcome = this.#dispatcher.dispatch(exit);
    if (outcome !== undefined) this.#end(outcome);
  }

  get #isStopped(): boolean {
    return Atomics.load(this.#context.data.stop, 0) !== 0;
  }

  #end(outcome: Outcome): void {
    this.#context.end(this.#record(outcome));
  }

  #record(outcome: Outcome): RunRecord {
    const { pio, mmio } = this.#devices;
    // To the microsecond: the rest is noise.
    const seconds = Math.round((performance.now() - this.#startTime) * 1000) / 1e6;
    return {
      outcome,
      backend: this.#context.data.backend,
      exits: this.#counts.byName(),
      exitCount: this.#counts.total,
      unclaimed: {
        pio: pio.unclaimedReads + pio.unclaimedWrites,
        mmio: mmio.unclaimedReads + mmio.unclaimedWrites,
      },
      seconds,
      challenge: resultOf(this.#challenge),
    };
  }

  /** Gives the guest, which polls for input, what has arrived. */
  #feed(uart: Uart, times: number): void {
    const isWaiting = times > pollLimit;
    if (isWaiting || this.#hasInput) Atomics.store(this.#context.data.guestReads, 0, 1);
    if (isWaiting) this.#serialIn.waitForData(napTime);
    if (this.#serialIn.available === 0) return;
    this.#hasInput = uart.push(this.#serialIn.read(uart.room)) > 0 || this.#hasInput;
    if (this.#serialIn.takeSleepingWriter()) this.#context.post('room');
  }

  #trace(exit: Exit): void {
    this.#send(this.#traceOut, Buffer.from(`#${++this.#traced} ${describeExit(exit)}\n`));
  }

  /** Sends all bytes, however slow the reader is, unless the guest is to stop. */
  #send(ring: ByteRing, bytes: Uint8Array): void {
    for (let sent = 0; ; ring.waitForRoom(napTime)) {
      sent += ring.write(bytes, sent);
      if (ring.takeSleepingReader()) this.#context.post('output');
      if (sent === bytes.length || this.#isStopped) return;
    }
  }
}

function resultOf(challenge: Challenge | undefined): ChallengeResult | undefined {
  if (challenge === undefined) return undefined;
  const { a, b, expected, result, verdict } = challenge;
  return { a, b, expected, result, verdict };
}

let guest: Guest;

/** `exit` handles every exit except KVM_EXIT_INTR, which needs a handler of its own. */
export const { setup, exit, intr } = {
  setup(context) {
    guest = new Guest(context);
    guest.begin();
  },
  exit: (exit) => guest.handle(exit),
  intr: (exit) => guest.handle(exit),
} satisfies Handlers<Exchange>;
