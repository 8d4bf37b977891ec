import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { KvmError } from '@kvm/core';
import { describeExit, ExitCounts, type RunOptions, runVcpu, Uart } from '@kvm/vmm';
import { ByteRing } from './byte-ring.js';
import { createMachine, type Machine } from './machine.js';
import type { ChallengeResult, RunRecord, VcpuMessage, VcpuTask } from './protocol.js';

/** The thread of the vCPU: makes the machine, runs it to its end, and says what became of it. */

const task = workerData as VcpuTask;
const main = parentPort as MessagePort;
const serialIn = new ByteRing(task.serialIn);
const serialOut = new ByteRing(task.serialOut);
const traceOut = new ByteRing(task.traceOut);

/** A guest that has looked for input this often in a row is waiting for it: the thread sleeps then, and does not burn. */
const patience = 256;
/** Milliseconds. Input ends a wait at once; this is for what else the guest may be doing. */
const nap = 10;

function tell(message: VcpuMessage): void {
  main.postMessage(message);
}

function stopped(): boolean {
  return Atomics.load(task.stop, 0) !== 0;
}

/** All of it, however slowly the other side reads, unless the run is to stop. */
function send(ring: ByteRing, bytes: Uint8Array): void {
  for (let sent = 0; ; ring.waitForRoom(nap)) {
    sent += ring.write(bytes, sent);
    if (ring.takeSleepingReader()) tell({ kind: 'output' });
    if (sent === bytes.length || stopped()) return;
  }
}

function createUart(): Uart {
  let pushed = 0;
  const uart: Uart = new Uart({
    output: (bytes) => send(serialOut, bytes),
    // The ring is the buffer: what the guest has sent is on its way even if it never comes back here.
    outputBuffer: 1,
    starved: (times) => {
      // It waits for input, or has read what there was.
      if (times > patience || pushed > 0) Atomics.store(task.guestReads, 0, 1);
      if (times > patience) serialIn.waitForData(nap);
      if (serialIn.available === 0) return;
      pushed += uart.push(serialIn.read(uart.room));
      if (serialIn.takeSleepingWriter()) tell({ kind: 'room' });
    },
  });
  return uart;
}

function traceTo(ring: ByteRing): NonNullable<RunOptions['observe']> {
  let number = 0;
  return (exit) => send(ring, Buffer.from(`#${++number} ${describeExit(exit)}\n`));
}

function challengeOf({ challenge }: Machine): ChallengeResult | undefined {
  if (challenge === undefined) return undefined;
  const { a, b, expected, result, verdict } = challenge;
  return { a, b, expected, result, verdict };
}

function run(): RunRecord {
  const machine = createMachine(task, createUart());
  try {
    const { kvm, vcpu, pio, mmio, debugExit } = machine;
    const counts = new ExitCounts();
    const observe = task.trace ? { observe: traceTo(traceOut) } : {};
    tell({ kind: 'ready', handle: vcpu.kickHandle() });
    const start = performance.now();
    const outcome = stopped()
      ? ({ kind: 'interrupted' } as const)
      : runVcpu(vcpu, { pio, mmio, debugExit, counts, interrupted: stopped, ...observe });
    // To the microsecond: the rest is noise.
    const seconds = Math.round((performance.now() - start) * 1000) / 1e6;
    return {
      outcome,
      backend: kvm.backendName,
      exits: counts.byName(),
      exitCount: counts.total,
      unclaimed: {
        pio: pio.unclaimedReads + pio.unclaimedWrites,
        mmio: mmio.unclaimedReads + mmio.unclaimedWrites,
      },
      seconds,
      challenge: challengeOf(machine),
    };
  } finally {
    machine[Symbol.dispose]();
  }
}

try {
  tell({ kind: 'done', record: run() });
} catch (error) {
  // Errors lose their class on the way to another thread.
  const code = error instanceof KvmError ? error.code : undefined;
  tell({ kind: 'failed', code, message: error instanceof Error ? error.message : String(error) });
}
