import type { AnyExit, UnrecognisedExit } from '../vcpu/exits.js';

/** What the handlers of a vCPU have at hand. */
export interface HandlerContext<V, C> {
  /** The VM, with a descriptor of this thread's. */
  readonly vm: V;
  /** The vCPU that runs here. */
  readonly vcpu: C;
  /** What `vm.start` was given for the handlers, as a copy of its own; memory that was shared is the same memory. */
  readonly data: unknown;
  /**
   * Sends a message to `onMessage` of the thread that started the vCPU: anything that `postMessage` carries. While as many wait there as may,
   * this waits, and with it the guest.
   */
  post(message: unknown): void;
  /** Whether `stop` was called: for handlers that take long. */
  readonly stopping: boolean;
}

/**
 * The exports of a module of handlers: a function for each reason to leave the guest, by the name in `ExitReason` with a small first letter.
 * They run in the vCPU's thread. What one returns ends the run, with that for its result; `undefined`, and a promise of it, lets it go on.
 */
export type HandlersOf<E extends AnyExit, R extends object, X> = {
  readonly [K in keyof R as Uncapitalize<K & string>]?: (
    exit: Extract<E, { readonly reason: R[K] }>,
    context: X,
  ) => unknown;
} & {
  /** Before the first run. */
  readonly setup?: (context: X) => unknown;
  /** Exits that have no function of their own. */
  readonly exit?: (exit: E | UnrecognisedExit, context: X) => unknown;
};
