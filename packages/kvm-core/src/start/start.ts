import { KvmError } from '../errors/kvm-error.js';
import type { Descriptor } from '../ioctl/descriptor.js';
import { adoptVcpu, reclaimVcpu } from '../share/vcpu.js';
import { reclaimVm, shareVm } from '../share/vm.js';
import { given, integer, list } from '../struct/check.js';
import type { VcpuParts } from '../vcpu/parts.js';
import { GenericVcpu, giveVcpu } from '../vcpu/vcpu.js';
import { type Ending, words } from './protocol.js';
import { RunningVcpu } from './running.js';

/** What `vm.start` takes. */
export interface StartOptions<C> {
  /** Those to run, each in a Worker of its own. The objects are given away: `done` gives others. */
  vcpus: readonly C[];
  /** The module of handlers: `new URL('./handlers.js', import.meta.url)`. */
  handlers: URL | string;
  /** What the handlers find in `context.data`: anything that `postMessage` carries, `memory.share()` among it. */
  data?: unknown;
  /** What handlers post, one message after another; the next waits for a promise that is returned. */
  onMessage?: (message: unknown, index: number) => unknown;
  /** How many messages of a vCPU may wait until its handlers have to; 64. */
  queue?: number;
  /** Stops the run; `done` then rejects with its reason. */
  signal?: AbortSignal;
}

/** How one vCPU ended, and the vCPU. */
export interface VcpuOutcome<C> extends Ending {
  /** It is this thread's again, and may be started again. */
  readonly vcpu: C;
}

/** VCPUs that run in Workers. */
export interface Running<C> {
  /**
   * Resolves when all have ended, with how each did, in the order of `vcpus`. When one fails the others are stopped, all are closed, and
   * it rejects with the error as it was thrown.
   */
  readonly done: Promise<VcpuOutcome<C>[]>;
  /**
   * Stops all vCPUs, and waits until their Workers have ended; where they run to their end, it is `done`. What does not end in time, as a
   * handler that awaits what never comes, or `onMessage`, is ended: all vCPUs are closed then, and `done` rejects with `ERR_KVM_HANDLER`.
   *
   * @throws KvmError `ERR_KVM_OUT_OF_RANGE` when `grace` is no time.
   */
  stop(options?: StopOptions): Promise<VcpuOutcome<C>[]>;
}

/** How vCPUs are to stop. */
export interface StopOptions {
  /**
   * How long handlers and `onMessage` may take to end once a Worker has begun, its module's loading included, in milliseconds; 5000, also where vCPUs are stopped because one failed or a signal was
   * aborted. `Infinity` waits for ever. A later call of `stop` may say otherwise.
   */
  grace?: number;
}

const defaultQueue = 64;
const longestQueue = 2 ** 20;

export function startVcpus<C extends GenericVcpu>(
  vm: Descriptor,
  vcpuType: new (parts: VcpuParts) => C,
  options: StartOptions<C>,
): Running<C> {
  const { vcpus, handlers, data, onMessage, queue, signal } = checked(options);
  const { arch, backend } = vm;
  const shared = shareVm(vm);
  // The Workers may take the VM after its object was closed or collected here.
  const release = vm.hold();
  let failure: { error: unknown } | undefined;
  const running: RunningVcpu[] = [];
  const stop = (grace?: number): void => {
    for (const each of running) each.stop(grace);
  };
  const fail = (error: unknown): void => {
    failure ??= { error };
    stop();
  };
  const abort = (): void => fail(signal?.reason);
  const begin = (vcpu: C, index: number): void => {
    const kickHandle = vcpu.kickHandle();
    const { handle, offered } = giveVcpu(vcpu);
    if (offered.vmMark !== vm.vm?.mark) throw wrong(`vcpus[${index}] is of another VM`);
    const order = {
      arch: arch.name,
      backend: backend.name,
      vm: shared,
      vcpu: handle,
      handlers,
      data,
      words: new Int32Array(new SharedArrayBuffer(words * Int32Array.BYTES_PER_ELEMENT)),
      queue,
    };
    running.push(new RunningVcpu(order, offered, kickHandle, (message) => onMessage(message, index), fail));
  };
  try {
    vcpus.forEach(begin);
  } catch (error) {
    // Those that run already end, as when one fails later.
    fail(error);
    for (const vcpu of vcpus) vcpu.close();
  }
  started.add(stop);
  signal?.addEventListener('abort', abort);
  const done = Promise.all(running.map(({ ended }) => ended)).then((endings) => {
    started.delete(stop);
    release();
    signal?.removeEventListener('abort', abort);
    for (const each of running) if (each.vm !== undefined) reclaimVm(arch, each.vm);
    const back = running.map((each) => takeBack(vm, vcpuType, each));
    if (failure === undefined) {
      return endings.map((ending, i) => ({ ...(ending as Ending), vcpu: back[i] as C }));
    }
    for (const vcpu of back) vcpu?.close();
    throw failure.error;
  });
  // Who waits for stop() alone has the error from there.
  done.catch(() => undefined);
  return {
    done,
    stop: (options = {}) => {
      stop(graceOf(options));
      return done;
    },
  };
}

function takeBack<C>(
  { arch }: Descriptor,
  type: new (parts: VcpuParts) => C,
  { offered, returned }: RunningVcpu,
): C | undefined {
  const parts = returned === undefined ? reclaimVcpu(offered) : adoptVcpu(arch, returned);
  return parts && new type(parts);
}

/** A process that ends waits for its Workers, and a Worker for its guest. */
const started = new Set<(grace: number) => void>();
let isWatched = false;

function watchExit(): void {
  if (isWatched) return;
  isWatched = true;
  process.on('exit', () => {
    for (const stop of started) stop(0);
  });
}

interface Checked<C> extends StartOptions<C> {
  handlers: string;
  onMessage: (message: unknown, index: number) => unknown;
  queue: number;
}

function checked<C extends GenericVcpu>(options: StartOptions<C>): Checked<C> {
  const {
    vcpus,
    handlers,
    data,
    onMessage = ignore,
    queue = defaultQueue,
    signal,
  } = given(options, 'what vm.start takes');
  const all = Array.from(list(vcpus, 'vcpus'));
  if (all.length === 0 || new Set(all).size < all.length || !all.every((vcpu) => vcpu instanceof GenericVcpu)) {
    throw wrong('vcpus must be vCPUs of this VM, each of them once');
  }
  // A closed one throws, before any is given away.
  for (const vcpu of all) vcpu.kickHandle();
  if (typeof onMessage !== 'function') throw wrong('onMessage must be a function');
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw wrong('signal must be an AbortSignal');
  if (signal?.aborted) throw wrong('signal has been aborted already', signal.reason);
  integer(queue, 1, longestQueue, 'queue');
  const url = urlOf(handlers);
  // All Workers are given what it is now: what a getter says may change.
  const copy = copyOf(data);
  watchExit();
  return { vcpus: all, handlers: url, data: copy, onMessage, queue, ...(signal && { signal }) };
}

function copyOf(data: unknown): unknown {
  try {
    return structuredClone(data);
  } catch (cause) {
    throw wrong('data must be what postMessage carries', cause);
  }
}

/** In milliseconds; undefined where nobody says. */
function graceOf(options: StopOptions): number | undefined {
  const { grace } = given(options, 'the options of stop');
  if (grace === undefined || (typeof grace === 'number' && grace >= 0)) return grace;
  throw new KvmError('ERR_KVM_OUT_OF_RANGE', 'grace must be a number of milliseconds, 0 or more');
}

function ignore(): void {}

function urlOf(handlers: URL | string): string {
  try {
    return new URL(handlers).href;
  } catch (cause) {
    throw wrong("handlers must be the URL of a module, as new URL('./handlers.js', import.meta.url)", cause);
  }
}

function wrong(message: string, cause?: unknown): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', message, { cause });
}
