import { parentPort, workerData } from 'node:worker_threads';
import type { ArchName } from '../arch/list.js';
import { selectBackend } from '../backend/select.js';
import { encodeError } from '../errors/across-threads.js';
import { KvmError } from '../errors/kvm-error.js';
import { closedError } from '../ioctl/kvm-fd.js';
import type { SharedVm } from '../ioctl/shared-vm.js';
import type { AnyExit } from '../vcpu/exit-views.js';
import type { TransferredVcpu } from '../vcpu/transfer.js';
import type { HandlerContext } from './handlers.js';
import { runLoop, type Verdict } from './loop.js';
import { type Order, type Report, Turn, Word } from './protocol.js';
import { sendable } from './sendable.js';

/** The Worker of one vCPU, which `vm.start` starts. A bundle's own Worker file imports it as `@kvm/core/worker`. */

interface Closable {
  readonly closed: boolean;
  close(): void;
}

/** The parts of an architecture's entry that a Worker uses. */
interface Entry {
  readonly ExitReason: Readonly<Record<string, number>>;
  readonly Vm: { from(shared: SharedVm): Closable & { share(): SharedVm } };
  readonly Vcpu: {
    from(transferred: TransferredVcpu): Closable & { run(): AnyExit; transfer(): TransferredVcpu };
  };
}

/** Literal paths, so that a bundler can follow the imports. */
const entries: Readonly<Record<ArchName, () => Promise<unknown>>> = {
  x86: () => import('../arch/x86/index.js'),
  arm64: () => import('../arch/arm64/index.js'),
  riscv: () => import('../arch/riscv/index.js'),
  s390: () => import('../arch/s390/index.js'),
  powerpc: () => import('../arch/powerpc/index.js'),
  mips: () => import('../arch/mips/index.js'),
  loongarch: () => import('../arch/loongarch/index.js'),
};

const order = workerData as Order;
const { words } = order;

function send(report: Report): void {
  parentPort?.postMessage(report);
}

let posted = 0;

function post(message: unknown): void {
  const sent = sendable(message, 'a message');
  for (;;) {
    const taken = Atomics.load(words, Word.Taken);
    if (posted - taken < order.queue) break;
    Atomics.wait(words, Word.Taken, taken);
  }
  send({ kind: 'message', message: sent });
  posted++;
}

const verdict: Verdict = { end: undefined, resumed: false };

function end(ended: 'handler' | 'machine', result: unknown): void {
  if (verdict.end !== undefined) throw new KvmError('ERR_KVM_HANDLER', 'end or stop was already called for this vCPU');
  verdict.end = { ended, result: sendable(result, 'a result') };
}

/** Runs a step during which this Worker is not terminated. If its termination has begun, it waits for that. */
function undivided<T>(step: () => T): T {
  while (Atomics.compareExchange(words, Word.Turn, Turn.Nobody, Turn.Worker) !== Turn.Nobody) {
    Atomics.wait(words, Word.Turn, Turn.Ending);
  }
  try {
    return step();
  } finally {
    Atomics.store(words, Word.Turn, Turn.Nobody);
  }
}

/** Closes the VM in this thread, and returns the vCPU if there is one. */
let giveBack = (): TransferredVcpu | undefined => undefined;

async function main(): Promise<void> {
  selectBackend(order.backend);
  const { Vm, Vcpu, ExitReason } = (await entries[order.arch]()) as Entry;
  const vm = undivided(() => {
    const taken = Vm.from(order.vm);
    // If this Worker is terminated, the other thread closes the descriptor.
    send({ kind: 'began', vm: taken.share() });
    return taken;
  });
  // A handler may call process.exit.
  process.once('exit', () => vm.close());
  giveBack = () => {
    vm.close();
    return undefined;
  };
  const vcpu = Vcpu.from(order.vcpu);
  giveBack = () => {
    vm.close();
    return vcpu.closed ? undefined : vcpu.transfer();
  };
  const context: HandlerContext<unknown, unknown> = {
    vm,
    vcpu,
    data: order.data,
    post,
    end: (result?: unknown) => end('handler', result),
    stop: (result?: unknown) => end('machine', result),
    resume: () => {
      verdict.resumed = true;
    },
    get stopping() {
      return Atomics.load(words, Word.Stop) !== 0;
    },
  };
  const module = (await import(/* webpackIgnore: true */ order.handlers)) as Readonly<Record<string, unknown>>;
  const ending = await runLoop({ vcpu, module, reasons: ExitReason, words, verdict }, context);
  undivided(() => {
    const back = giveBack();
    if (back === undefined) throw closedError('vcpu');
    send({ kind: 'ended', ending, vcpu: back });
  });
}

function fail(error: unknown): void {
  undivided(() => send({ kind: 'failed', error: encodeError(error), vcpu: giveBack() }));
}

// The error of a handler's timer or promise. The Worker's 'error' event would lose the properties of a KvmError.
process.on('uncaughtException', fail);

await main().catch(fail);
