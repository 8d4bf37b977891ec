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

/** The Worker of one vCPU: `vm.start` starts it. As `@kvm/core/worker` it is also what a bundle's own file for it imports. */

interface Closable {
  readonly closed: boolean;
  close(): void;
}

/** What a Worker needs of the package's entry for an architecture. */
interface Entry {
  readonly ExitReason: Readonly<Record<string, number>>;
  readonly Vm: { from(shared: SharedVm): Closable & { share(): SharedVm } };
  readonly Vcpu: {
    from(transferred: TransferredVcpu): Closable & { run(): AnyExit; transfer(): TransferredVcpu };
  };
}

/** Each by its path, so that a bundler sees what this file loads. */
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

function say(report: Report): void {
  parentPort?.postMessage(report);
}

let posted = 0;

function post(message: unknown): void {
  const sent = sendable(message, 'what is posted');
  for (;;) {
    const taken = Atomics.load(words, Word.Taken);
    if (posted - taken < order.queue) break;
    Atomics.wait(words, Word.Taken, taken);
  }
  say({ kind: 'message', message: sent });
  posted++;
}

const verdict: Verdict = { end: undefined, resumed: false };

function end(ended: 'handler' | 'machine', result: unknown): void {
  if (verdict.end !== undefined) throw new KvmError('ERR_KVM_HANDLER', 'the end of this vCPU was asked for before');
  verdict.end = { ended, result: sendable(result, 'a result') };
}

/** What this Worker is not ended in the midst of. If its end has begun, it waits for it. */
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

/** Ends all use of the VM here; gives the vCPU, if there is one. */
let giveBack = (): TransferredVcpu | undefined => undefined;

async function main(): Promise<void> {
  selectBackend(order.backend);
  const { Vm, Vcpu, ExitReason } = (await entries[order.arch]()) as Entry;
  const vm = undivided(() => {
    const own = Vm.from(order.vm);
    // Should this Worker be ended from outside, its descriptor is closed there.
    say({ kind: 'began', vm: own.share() });
    return own;
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
  const module = (await import(order.handlers)) as Readonly<Record<string, unknown>>;
  const ending = await runLoop({ vcpu, module, reasons: ExitReason, words, verdict }, context);
  undivided(() => {
    const back = giveBack();
    if (back === undefined) throw closedError('vcpu');
    say({ kind: 'ended', ending, vcpu: back });
  });
}

function fail(error: unknown): void {
  undivided(() => say({ kind: 'failed', error: encodeError(error), vcpu: giveBack() }));
}

// Of a timer or a promise that a handler left. As an event of the Worker's it would have lost what makes it a KvmError.
process.on('uncaughtException', fail);

await main().catch(fail);
