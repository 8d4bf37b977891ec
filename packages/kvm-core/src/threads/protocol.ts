import type { ArchName } from '../arch/list.js';
import type { BackendName } from '../backend/backend.js';
import type { EncodedError } from '../errors/across-threads.js';
import type { SharedVm } from '../ioctl/shared-vm.js';
import type { TransferredVcpu } from '../vcpu/transfer.js';

/** The protocol between the thread that started a vCPU and the Worker that runs it. */

/** The `workerData` of a Worker. */
export interface Order {
  readonly arch: ArchName;
  readonly backend: BackendName;
  readonly vm: SharedVm;
  readonly vcpu: TransferredVcpu;
  /** The URL of the handlers. */
  readonly handlers: string;
  readonly data: unknown;
  readonly words: Int32Array;
  /** The limit of unhandled messages. */
  readonly queue: number;
}

/** The shared words. */
export const Word = {
  /** 1 if the run has to end. */
  Stop: 0,
  /** The number of handled messages. */
  Taken: 1,
  /** One of `Turn`: a lock. */
  Turn: 2,
} as const;

export const words = 3;

/** The owner of the lock, whose step the other thread must not interrupt. */
export const Turn = {
  Nobody: 0,
  /** The Worker is taking or returning descriptors, and reporting it. */
  Worker: 1,
  /** The other thread is terminating the Worker. */
  Ending: 2,
} as const;

/** Why a vCPU no longer runs. */
export type Ending<R = unknown> = {
  /** The reason of the last exit; undefined if the vCPU never ran, or its Worker was terminated. */
  readonly reason: number | undefined;
} & (
  | {
      /** `handler`: a handler called `context.end`. `machine`: it called `context.stop`. */
      readonly ended: 'handler' | 'machine';
      /** The handler's result. */
      readonly result: R;
    }
  | {
      /**
       * `exit`: the guest ended. `stop`: `running.stop()` was called, or `context.stop` of another vCPU. `signal`: the
       * `signal` of `vm.start` was aborted.
       */
      readonly ended: 'exit' | 'stop' | 'signal';
      readonly result: undefined;
    }
  | {
      /**
       * It had to stop, but handlers or `onMessage` did not end in time. Handlers were interrupted; messages may be
       * lost.
       */
      readonly ended: 'timeout';
      /** The result that a handler had set before. */
      readonly result: R | undefined;
    }
);

/** A message of a Worker. Its last one returns the vCPU. */
export type Report =
  | { readonly kind: 'began'; readonly vm: SharedVm }
  | { readonly kind: 'message'; readonly message: unknown }
  | { readonly kind: 'ended'; readonly ending: Ending; readonly vcpu: TransferredVcpu }
  | { readonly kind: 'failed'; readonly error: EncodedError; readonly vcpu: TransferredVcpu | undefined };
