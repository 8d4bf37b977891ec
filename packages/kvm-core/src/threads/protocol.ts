import type { ArchName } from '../arch/list.js';
import type { BackendName } from '../backend/backend.js';
import type { EncodedError } from '../errors/across-threads.js';
import type { SharedVm } from '../ioctl/shared-vm.js';
import type { TransferredVcpu } from '../vcpu/transfer.js';

/** What the thread that started a vCPU and the Worker that runs it tell each other. */

/** What a Worker is given. */
export interface Order {
  readonly arch: ArchName;
  readonly backend: BackendName;
  readonly vm: SharedVm;
  readonly vcpu: TransferredVcpu;
  /** The URL of the handlers. */
  readonly handlers: string;
  readonly data: unknown;
  readonly words: Int32Array;
  /** How many messages may be under way. */
  readonly queue: number;
}

/** The words that both share. */
export const Word = {
  /** 1 when the run is to end. */
  Stop: 0,
  /** How many messages were taken. */
  Taken: 1,
  /** Of `Turn`. */
  Turn: 2,
} as const;

export const words = 3;

/** Who does what the other must not come between. */
export const Turn = {
  Nobody: 0,
  /** The Worker takes descriptors or gives them up, and says so. */
  Worker: 1,
  /** The other thread ends the Worker. */
  Ending: 2,
} as const;

/** Why a vCPU no longer runs. */
export type Ending<R = unknown> = {
  /** The last exit's; undefined where the vCPU never ran, or its Worker was terminated. */
  readonly reason: number | undefined;
} & (
  | {
      /** `handler`: a handler called `context.end`. `machine`: it called `context.stop`. */
      readonly ended: 'handler' | 'machine';
      /** What the handler gave. */
      readonly result: R;
    }
  | {
      /**
       * `exit`: the guest came to its end. `stop`: `running.stop()` was called, or `context.stop` of another vCPU. `signal`: the signal
       * that `vm.start` was given was aborted.
       */
      readonly ended: 'exit' | 'stop' | 'signal';
      readonly result: undefined;
    }
  | {
      /** It was to stop, but handlers or `onMessage` did not end in time. Handlers were cut short; messages may be lost. */
      readonly ended: 'timeout';
      /** What a handler had given before. */
      readonly result: R | undefined;
    }
);

/** What a Worker says. The vCPU comes back with its last word. */
export type Report =
  | { readonly kind: 'began'; readonly vm: SharedVm }
  | { readonly kind: 'message'; readonly message: unknown }
  | { readonly kind: 'ended'; readonly ending: Ending; readonly vcpu: TransferredVcpu }
  | { readonly kind: 'failed'; readonly error: EncodedError; readonly vcpu: TransferredVcpu | undefined };
