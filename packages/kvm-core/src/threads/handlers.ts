import type { AnyExit, UnrecognisedExit } from '../vcpu/exit-views.js';

/**
 * The types that handlers and the thread that started them exchange. Each is optional, and `unknown` by default:
 *
 *     interface Talk { data: { key: number }; message: string; result: number }
 *     export default { io(exit, context) { ... } } satisfies Handlers<Talk>;   // the module of handlers
 *     vm.start<Talk>({ ... });                                                // the thread that starts them
 */
export interface HandlerTypes {
  /** `data` of `vm.start`, and `context.data`. */
  readonly data?: unknown;
  /** The messages that `context.post` sends and `onMessage` receives. */
  readonly message?: unknown;
  /** The result that `context.end` and `context.stop` take, and `result` of an outcome. */
  readonly result?: unknown;
}

export type DataOf<T> = T extends { readonly data: infer D } ? D : unknown;
export type MessageOf<T> = T extends { readonly message: infer M } ? M : unknown;
export type ResultOf<T> = T extends { readonly result: infer R } ? R : unknown;

/** The argument of `end` and `stop`, which is optional if the result may be undefined. */
type ResultArgument<R> = undefined extends R ? [result?: R] : [result: R];

/** The context of a vCPU's handlers. Its functions may be destructured: `(exit, { post, end }) => ...`. */
export interface HandlerContext<V, C, T extends HandlerTypes = HandlerTypes> {
  /** The VM, with its own descriptor in this thread. */
  readonly vm: V;
  /** The vCPU that runs in this thread. */
  readonly vcpu: C;
  /** A copy of `data` of `vm.start`; shared memory is the same memory. */
  readonly data: DataOf<T>;
  /**
   * Sends a message to `onMessage` of the thread that started the vCPU: any value that `postMessage` carries. Structs
   * arrive as plain objects of their fields. While the queue is full, this call blocks, and with it the guest.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for a value that cannot be sent, such as a `GuestMemory` instead of
   *   `memory.share()`.
   */
  post(message: MessageOf<T>): void;
  /**
   * Ends this vCPU once the handler has returned: its outcome is `handler`, with this result, which must be a value
   * that `post` could send.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for a value that cannot be sent, `ERR_KVM_HANDLER` if `end` or `stop`
   *   was called before.
   */
  end(...result: ResultArgument<ResultOf<T>>): void;
  /**
   * Like `end`, and stops all other vCPUs that were started with this one. The outcome of this one is `machine`, of the
   * others `stop`.
   */
  stop(...result: ResultArgument<ResultOf<T>>): void;
  /** Lets the vCPU continue after an exit that would end it, such as `hlt`. It does nothing for other exits. */
  resume(): void;
  /** Whether this vCPU has to stop: for handlers that take long. */
  readonly stopping: boolean;
}

/** A handler returns nothing, or a promise of nothing; `context.end` and `context.stop` end a run. */
type Nothing = void | Promise<void>;

/**
 * The exports of a module of handlers, either separately or as one object by default: a function for each exit reason,
 * with its name in `ExitReason` and a lower-case first letter. They run in the vCPU's thread. After `hlt`, `shutdown`
 * and `systemEvent` the vCPU ends, unless the handler calls `context.resume()`.
 */
export type HandlersOf<E extends AnyExit, R extends object, X> = {
  readonly [K in keyof R as Uncapitalize<K & string>]?: (
    exit: Extract<E, { readonly reason: R[K] }>,
    context: X,
  ) => Nothing;
} & {
  /** Called before the first run. */
  readonly setup?: (context: X) => Nothing;
  /** Called for every exit before its handler. It does not handle the exit. */
  readonly watch?: (exit: E | UnrecognisedExit, context: X) => Nothing;
  /** Handles exits without their own function. */
  readonly exit?: (exit: E | UnrecognisedExit, context: X) => Nothing;
};
