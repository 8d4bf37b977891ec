import type { ResourceLimits } from 'node:worker_threads';
import { KvmError } from '../errors/kvm-error.js';
import type { Descriptor } from '../ioctl/descriptor.js';
import { closedError } from '../ioctl/kvm-fd.js';
import { reclaimVm, shareVm } from '../ioctl/shared-vm.js';
import { integer, list } from '../struct/check.js';
import { custom, type ShowOptions, show } from '../struct/inspect.js';
import { optionsOf } from '../struct/options.js';
import type { VcpuResources } from '../vcpu/resources.js';
import { adoptVcpu, reclaimVcpu } from '../vcpu/transfer.js';
import { GenericVcpu } from '../vcpu/vcpu.js';
import type { DataOf, HandlerTypes, MessageOf, ResultOf } from './handlers.js';
import { type Ending, words } from './protocol.js';
import { RunningVcpu } from './running.js';
import { sendable } from './sendable.js';

/** The options of `vm.start`. */
export interface StartOptions<C, T extends HandlerTypes = HandlerTypes> {
  /** The vCPUs to run, each in its own Worker. These objects are closed; `done` returns new ones. */
  vcpus: readonly C[];
  /** The module of handlers: `new URL('./handlers.js', import.meta.url)`. */
  handlers: URL | string;
  /** The value of `context.data` for the handlers: anything that `postMessage` carries, such as `memory.share()`. */
  data?: DataOf<T>;
  /** Receives the messages of handlers one by one. If it returns a promise, the next message waits for it. */
  onMessage?: (message: MessageOf<T>, index: number) => unknown;
  /** The number of unhandled messages of a vCPU at which its handlers block. Default: 64. */
  queue?: number;
  /** Stops the run: vCPUs that are still running end as `signal`. `AbortSignal.timeout(ms)` limits its time. */
  signal?: AbortSignal;
  /**
   * The file that each Worker runs. The default is a file of the package. A program that bundles the package needs its
   * own file: an entry of the same bundle that imports `@kvm/core/worker`.
   */
  workerUrl?: URL | string;
  /** Limits of each Worker's heap, as the `Worker` of `node:worker_threads` takes them. A small heap saves memory. */
  resourceLimits?: ResourceLimits;
}

/** Makes `data` required if the handlers declare its type. */
export type DataGiven<T> = T extends { readonly data: unknown } ? { data: DataOf<T> } : unknown;

/** How one vCPU ended, and the vCPU. */
export type VcpuOutcome<C, R = unknown> = Ending<R> & {
  /** It belongs to this thread again, and may be started again. */
  readonly vcpu: C;
};

/** VCPUs that run in Workers. */
export interface Running<C, R = unknown> {
  /**
   * Resolves when all vCPUs have ended, with the outcome of each, in the order of `vcpus`. It also resolves if a
   * signal, `stop` or a timeout ended them. If one fails, the others are stopped, all are closed, and it rejects with
   * the error.
   */
  readonly done: Promise<VcpuOutcome<C, R>[]>;
  /**
   * Stops all vCPUs, waits until their Workers have ended, and returns `done`. If a vCPU's handlers or `onMessage` do
   * not end in time, its Worker is terminated, `onMessage` is no longer awaited, and the vCPU ends as `timeout`.
   *
   * @throws KvmError `ERR_KVM_OUT_OF_RANGE` if `grace` is not a time, `ERR_KVM_INVALID_ARGUMENT` for an unknown option.
   */
  stop(options?: StopOptions): Promise<VcpuOutcome<C, R>[]>;
}

/** The options of `running.stop`. */
export interface StopOptions {
  /**
   * The time that handlers and `onMessage` may take to end, in milliseconds, from when the Worker has begun; loading
   * its module counts. The default of 5000 also applies if vCPUs are stopped because one failed or a signal was
   * aborted. `Infinity` waits forever. A later call of `stop` may change it.
   */
  grace?: number;
}

const defaultQueue = 64;
const longestQueue = 2 ** 20;

export function startVcpus<C extends GenericVcpu, T extends HandlerTypes>(
  vm: Descriptor,
  vcpuType: new (resources: VcpuResources) => C,
  options: StartOptions<C, T>,
): Running<C, ResultOf<T>> {
  const { vcpus, handlers, data, onMessage, queue, signal, workerUrl, resourceLimits = {} } = checked(options);
  const { arch, backend } = vm;
  const shared = shareVm(vm);
  // A Worker may take the VM after its object here was closed or collected.
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
  /** The first cause of a stop. */
  let cause: 'stop' | 'signal' | undefined;
  const stopFor = (why: 'stop' | 'signal', grace?: number): void => {
    cause ??= why;
    stop(grace);
  };
  const abort = (): void => stopFor('signal');
  const begin = (vcpu: C, index: number): void => {
    const kickHandle = vcpu.kickHandle();
    const handle = vcpu.transfer();
    if (handle.vm.identity !== shared.identity) throw wrong(`vcpus[${index}] is of another VM`);
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
    const take = (message: unknown): unknown => onMessage(message as MessageOf<T>, index);
    running.push(new RunningVcpu(order, workerUrl, resourceLimits, kickHandle, take, fail, () => stopFor('stop')));
  };
  try {
    vcpus.forEach(begin);
  } catch (error) {
    // VCPUs that run already are stopped, as if one had failed later.
    fail(error);
    for (const vcpu of vcpus) vcpu.close();
  }
  started.add(stop);
  signal?.addEventListener('abort', abort);
  const done = Promise.all(running.map(({ ended }) => ended)).then((endings) => {
    started.delete(stop);
    release();
    signal?.removeEventListener('abort', abort);
    for (const each of running) if (each.vm !== undefined) reclaimVm(each.vm);
    const back = running.map((each) => takeBack(vm, vcpuType, each));
    if (failure === undefined && back.includes(undefined)) failure = { error: closedError('vcpu') };
    if (failure === undefined) return endings.map((ending, i) => outcome(ending as Ending<ResultOf<T>>, back[i] as C));
    for (const vcpu of back) vcpu?.close();
    throw failure.error;
  });
  const outcome = (ending: Ending<ResultOf<T>>, vcpu: C): VcpuOutcome<C, ResultOf<T>> =>
    ending.ended === 'stop' ? { ...ending, ended: cause ?? 'stop', vcpu } : { ...ending, vcpu };
  const shown = {
    done,
    stop: (options: StopOptions = {}) => {
      stopFor('stop', graceOf(options));
      return done;
    },
    [custom]: (depth: unknown, options?: ShowOptions) =>
      show('Running', () => ({ vcpus: running.map(({ state }) => state), done }), depth, options),
  };
  return shown;
}

function takeBack<C>(
  { arch }: Descriptor,
  type: new (resources: VcpuResources) => C,
  { offered, returned }: RunningVcpu,
): C | undefined {
  const parts = returned === undefined ? reclaimVcpu(arch, offered) : adoptVcpu(arch, returned);
  return parts && new type(parts);
}

/** The runs to stop at the end of the process, which waits for its Workers, as a Worker waits for its guest. */
const started = new Set<(grace: number) => void>();
let isWatched = false;

function watchExit(): void {
  if (isWatched) return;
  isWatched = true;
  process.on('exit', () => {
    for (const stop of started) stop(0);
  });
}

interface Checked<C, T extends HandlerTypes> extends StartOptions<C, T> {
  handlers: string;
  onMessage: (message: MessageOf<T>, index: number) => unknown;
  queue: number;
  workerUrl?: URL;
}

const names = ['vcpus', 'handlers', 'data', 'onMessage', 'queue', 'signal', 'workerUrl', 'resourceLimits'] as const;

function checked<C extends GenericVcpu, T extends HandlerTypes>(options: StartOptions<C, T>): Checked<C, T> {
  const {
    vcpus,
    handlers,
    data,
    onMessage = ignore,
    queue = defaultQueue,
    signal,
    workerUrl,
    resourceLimits,
  } = optionsOf<StartOptions<C, T>, typeof names>(options, 'the options of vm.start', names);
  const all = Array.from(list(vcpus, 'vcpus'));
  if (all.length === 0 || new Set(all).size < all.length || !all.every((vcpu) => vcpu instanceof GenericVcpu)) {
    throw wrong('vcpus must be distinct vCPUs of this VM');
  }
  // A closed vCPU throws before any is transferred.
  for (const vcpu of all) vcpu.kickHandle();
  if (typeof onMessage !== 'function') throw wrong('onMessage must be a function');
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw wrong('signal must be an AbortSignal');
  if (resourceLimits !== undefined && (typeof resourceLimits !== 'object' || resourceLimits === null)) {
    throw wrong('resourceLimits must be an object of limits, such as { maxYoungGenerationSizeMb: 1 }');
  }
  if (signal?.aborted) throw wrong('signal is already aborted', signal.reason);
  integer(queue, 1, longestQueue, 'queue');
  const url = urlOf(handlers, 'handlers must be the URL of a module').href;
  const program = workerUrl && urlOf(workerUrl, "workerUrl must be the URL of the Worker's module");
  // One copy for all Workers: the value of a getter may change.
  const copy = sendable(data, 'data') as DataOf<T>;
  watchExit();
  const optional = {
    ...(signal && { signal }),
    ...(program && { workerUrl: program }),
    ...(resourceLimits && { resourceLimits }),
  };
  return { vcpus: all, handlers: url, data: copy, onMessage, queue, ...optional };
}

/** In milliseconds; undefined for the default. */
function graceOf(options: StopOptions): number | undefined {
  const { grace } = optionsOf(options, 'the options of stop', ['grace']);
  if (grace === undefined || (typeof grace === 'number' && grace >= 0)) return grace;
  throw new KvmError('ERR_KVM_OUT_OF_RANGE', 'grace must be a number of milliseconds, 0 or more');
}

function ignore(): void {}

function urlOf(url: URL | string, must: string): URL {
  try {
    return new URL(url);
  } catch (cause) {
    throw wrong(`${must}, such as new URL('./file.js', import.meta.url)`, cause);
  }
}

function wrong(message: string, cause?: unknown): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', message, { cause });
}
