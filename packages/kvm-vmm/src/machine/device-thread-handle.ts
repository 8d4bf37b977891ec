import { Worker } from 'node:worker_threads';
import { KvmError, type KvmErrorJson } from '@kvm/core';
import type { Outcome } from '../devices/outcome.js';
import type { Bell } from './bell.js';
import { Word } from './control.js';
import { deferred } from './deferred.js';
import { Mailbox } from './mailbox.js';
import type { DeviceOrder, DeviceReport, DeviceStates, PlainError } from './order.js';
import { smallHeap } from './small-heap.js';

/** What the main thread does about reports of the device thread. */
export interface DeviceEvents {
  output(stream: number): void;
  room(stream: number): void;
  balloon(): void;
  message(message: unknown, device: string): void;
  failed(): void;
}

/** The main thread's view of the device thread. */
export class DeviceThreadHandle {
  /** Resolves with the names of all devices when they are there, or rejects with the error of one. */
  readonly ready: Promise<readonly string[]>;
  readonly #control: Int32Array;
  readonly #bell: Bell;
  readonly #exited: Promise<void>;
  #held = deferred<DeviceStates>();
  #outcome: Outcome | undefined;
  #failure: Error | undefined;

  constructor(order: DeviceOrder, bell: Bell, events: DeviceEvents, program: URL) {
    this.#control = order.shared.control;
    this.#bell = bell;
    const ports = order.virtio.flatMap((plan) => (plan.kind === 'vsock' ? [plan.report] : []));
    const worker = new Worker(program, { workerData: order, transferList: ports, resourceLimits: smallHeap });
    let fail = (_error: Error): void => {};
    this.ready = new Promise((resolve, reject) => {
      fail = (error) => {
        this.#failure ??= error;
        // A thread that is gone answers nothing: its vCPUs would wait for ever.
        for (let i = 0; i < order.cpus; i++) new Mailbox(order.shared.slots, i).fail();
        reject(error);
        this.#held.reject(error);
        events.failed();
      };
      worker.on('message', (report: DeviceReport) => {
        if (report.kind === 'ready') resolve(report.devices);
        else if (report.kind === 'output') events.output(report.stream);
        else if (report.kind === 'room') events.room(report.stream);
        else if (report.kind === 'balloon') events.balloon();
        else if (report.kind === 'message') events.message(report.message, report.device);
        else if (report.kind === 'held') this.#held.resolve(report.states);
        else if (report.kind === 'ended') this.#outcome = report.outcome;
        else fail(errorOf(report.error));
      });
      worker.on('error', (error) => fail(withHint(error)));
    });
    this.ready.catch(() => {});
    this.#exited = new Promise((resolve) => {
      worker.on('exit', (code) => {
        if (code !== 0) fail(new KvmError('ERR_KVM_HANDLER', `the thread of the devices ended with status ${code}`));
        this.#held.reject(new KvmError('ERR_KVM_CLOSED', 'the machine has ended'));
        resolve();
      });
    });
  }

  /**
   * Saves the devices, while no vCPU runs. The thread and those of single devices stand still afterwards, until
   * `release`.
   *
   * @throws the error of a device, or KvmError `ERR_KVM_CLOSED` if the machine has ended.
   */
  async hold(): Promise<DeviceStates> {
    if (Atomics.load(this.#control, Word.Hold) % 2 === 0) {
      this.#held = deferred();
      Atomics.add(this.#control, Word.Hold, 1);
      this.#bell.ring();
    }
    return await this.#held.promise;
  }

  release(): void {
    if (Atomics.load(this.#control, Word.Hold) % 2 === 0) return;
    Atomics.add(this.#control, Word.Hold, 1);
    Atomics.notify(this.#control, Word.Hold);
  }

  /** Ends the thread, once no vCPU runs any more. */
  async end(): Promise<{ outcome: Outcome | undefined; failure: Error | undefined }> {
    Atomics.store(this.#control, Word.Quit, 1);
    this.release();
    this.#bell.ring();
    await this.#exited;
    return { outcome: this.#outcome, failure: this.#failure };
  }
}

/** The thread reports its own errors, so this one is the engine's. */
function withHint(error: Error): Error {
  // The first where the file is missing that a bundle's Worker would be, the second where an import of it is.
  if (!('code' in error) || (error.code !== 'MODULE_NOT_FOUND' && error.code !== 'ERR_MODULE_NOT_FOUND')) return error;
  return new KvmError('ERR_KVM_HANDLER', 'the Workers of a machine could not be started', {
    cause: error,
    hint:
      'in a bundle, Machine.create needs the option workerUrl: ' +
      "the URL of an entry of the bundle that is export * from '@kvm/vmm/worker'",
  });
}

function errorOf(error: KvmErrorJson | PlainError): Error {
  if ('code' in error) return KvmError.from(error);
  const { name, message, stack } = error;
  return Object.assign(new Error(message), { name, ...(stack !== undefined && { stack }) });
}
