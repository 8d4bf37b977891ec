import type { ExitReason } from '../abi/x86/groups.js';
import type { RunHead } from '../arch/architecture.js';
import { exitReasonNameOf } from '../arch/names.js';
import { bytes, custom, hex, type ShowOptions, show } from '../struct/inspect.js';
import type { MmioAccess, MmioAccessType } from './mmio-access.js';
import type { RunState } from './run-state.js';

/** The `reason` of an exit that is missing in the generated tables, from a newer kernel. */
export const unrecognised = -1;

/** An exit of any architecture. */
export interface AnyExit {
  readonly reason: number;
}

export interface MmioExit {
  readonly reason: typeof ExitReason.Mmio;
  readonly mmio: MmioAccess;
}

export interface UnrecognisedExit {
  readonly reason: typeof unrecognised;
  /** The kernel's number of the exit reason. */
  readonly exitReason: number;
  /** All bytes of the run state's union. */
  readonly raw: Uint8Array;
}

/** The exits of an architecture: the generated ones, `A`, except for those with a richer view. */
export type ExitOf<A extends AnyExit> =
  | Exclude<A, { readonly reason: MmioExit['reason'] }>
  | MmioExit
  | UnrecognisedExit;

/** The functions that create the exits of an architecture from a run state, by reason. */
export type ExitMakers<E extends AnyExit> = Readonly<Record<number, (state: RunState) => E>>;

/** The table of an architecture that needs only the generated exits and `MmioAccess`. */
export function makeExits<A extends AnyExit, R extends RunHead>(
  views: Readonly<Record<number, (run: R) => A>>,
  access: MmioAccessType,
  reasons: Pick<typeof ExitReason, 'Mmio'>,
): ExitMakers<ExitOf<A>> {
  // Mmio is replaced below: it is the only exit that differs from the generated one.
  const generated = Object.entries(views).map(([reason, view]) => [
    reason,
    ({ run }: RunState) => view(run as R) as ExitOf<A>,
  ]);
  return {
    ...Object.fromEntries(generated),
    [reasons.Mmio]: ({ run }) => ({ reason: reasons.Mmio, mmio: access.at(run.mmio.bytes) }),
  };
}

/** The exits of one vCPU: one object per reason, created on first use and reused. */
export class ExitViews<E extends AnyExit> {
  readonly #state: RunState;
  readonly #table: ExitMakers<E>;
  readonly #intr: number;
  readonly #views: (E | undefined)[] = [];

  constructor(state: RunState, table: ExitMakers<E>) {
    this.#state = state;
    this.#table = table;
    this.#intr = state.arch.abi.ExitReason.Intr;
  }

  /** The exit that the run state shows. */
  current(): E {
    const reason = this.#state.run.exitReason;
    return this.#views[reason] ?? this.#make(reason);
  }

  /** The exit of a run that a signal interrupted. The run state may still show the previous exit. */
  interrupted(): E {
    return this.#views[this.#intr] ?? this.#make(this.#intr);
  }

  #make(reason: number): E {
    const exit = this.#table[reason]?.(this.#state) ?? this.#unrecognised(reason);
    const name = exitReasonNameOf(this.#state.arch.abi.exitReasonNames, reason);
    // Not enumerable, so that copies and comparisons of an exit ignore it.
    Object.defineProperty(exit, custom, {
      value: (depth: unknown, options?: ShowOptions) => show(name, () => shownExit(exit, options), depth, options),
    });
    // A large number would make the array sparse, and each lookup slow.
    if (reason < 256) this.#views[reason] = exit;
    return exit;
  }

  /** UnrecognisedExit is one of the exits of every architecture. */
  #unrecognised(exitReason: number): E {
    const exit: UnrecognisedExit = { reason: unrecognised, exitReason, raw: this.#state.run.padding };
    return exit as AnyExit as E;
  }
}

/** The members of an exit for `console.log`. */
function shownExit(exit: AnyExit, options: ShowOptions = {}): object {
  return Object.fromEntries(
    Object.entries(exit).map(([name, value]) => {
      if (value instanceof Uint8Array) return [name, bytes(value, options)];
      return [name, typeof value === 'bigint' ? hex(value) : value];
    }),
  );
}
