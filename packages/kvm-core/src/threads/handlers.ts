import type { AnyExit, UnrecognisedExit } from '../vcpu/exit-views.js';

/**
 * What handlers and the thread that started them exchange, for TypeScript. All of it is optional, and `unknown` where it is left out:
 *
 *     interface Talk { data: { key: number }; message: string; result: number }
 *     export default { io(exit, context) { ... } } satisfies Handlers<Talk>;   // the module of handlers
 *     vm.start<Talk>({ ... });                                                // the thread that starts them
 */
export interface HandlerTypes {
  /** `data` of `vm.start`, and `context.data`. */
  readonly data?: unknown;
  /** What `context.post` sends and `onMessage` gets. */
  readonly message?: unknown;
  /** What `context.end` and `context.stop` give, and `result` of an outcome. */
  readonly result?: unknown;
}

export type DataOf<T> = T extends { readonly data: infer D } ? D : unknown;
export type MessageOf<T> = T extends { readonly message: infer M } ? M : unknown;
export type ResultOf<T> = T extends { readonly result: infer R } ? R : unknown;

/** The argument of `end` and `stop`, which may be left out where a result may be undefined. */
type ResultArgument<R> = undefined extends R ? [result?: R] : [result: R];

/** What the handlers of a vCPU have at hand. Its functions may be taken out of it: `(exit, { post, end }) => ...`. */
export interface HandlerContext<V, C, T extends HandlerTypes = HandlerTypes> {
  /** The VM, with a descriptor of this thread's. */
  readonly vm: V;
  /** The vCPU that runs here. */
  readonly vcpu: C;
  /** What `vm.start` was given for the handlers, as a copy of its own; memory that was shared is the same memory. */
  readonly data: DataOf<T>;
  /**
   * Sends a message to `onMessage` of the thread that started the vCPU: anything that `postMessage` carries. Structs arrive as plain objects
   * of their fields. While as many messages wait there as may, this waits, and with it the guest.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for what cannot be sent, such as a `GuestMemory` in place of `memory.share()`.
   */
  post(message: MessageOf<T>): void;
  /**
   * Ends this vCPU when the handler has returned: its outcome is `handler`, with this result. It must be something that `post` could send.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for what cannot be sent, `ERR_KVM_HANDLER` if `end` or `stop` was called before.
   */
  end(...result: ResultArgument<ResultOf<T>>): void;
  /** As `end`, and stops all other vCPUs that were started with this one: the outcome of this one is `machine`, of the others `stop`. */
  stop(...result: ResultArgument<ResultOf<T>>): void;
  /** In the handler of an exit that ends a vCPU, as `hlt`: lets it run on. For other exits it does nothing. */
  resume(): void;
  /** Whether this vCPU is to stop: for handlers that take long. */
  readonly stopping: boolean;
}

/** A handler returns nothing, or a promise of nothing: `context.end` and `context.stop` say that a run ends. */
type Nothing = void | Promise<void>;

/**
 * What a module of handlers exports, each by itself or all as one object by default: a function for each reason to leave the guest, by the
 * name in `ExitReason` with a small first letter. They run in the vCPU's thread. After `hlt`, `shutdown` and `systemEvent` the vCPU ends,
 * unless the handler calls `context.resume()`.
 */
export type HandlersOf<E extends AnyExit, R extends object, X> = {
  readonly [K in keyof R as Uncapitalize<K & string>]?: (
    exit: Extract<E, { readonly reason: R[K] }>,
    context: X,
  ) => Nothing;
} & {
  /** Before the first run. */
  readonly setup?: (context: X) => Nothing;
  /** Sees every exit before its handler does, and handles none. */
  readonly watch?: (exit: E | UnrecognisedExit, context: X) => Nothing;
  /** Exits that have no function of their own. */
  readonly exit?: (exit: E | UnrecognisedExit, context: X) => Nothing;
};
