import type { ExitReason } from '../abi/x86/groups.js';
import type { RunHead } from '../arch/architecture.js';
import { exitReasonNameOf } from '../arch/names.js';
import { bytes, custom, hex, type ShowOptions, show } from '../struct/inspect.js';
import type { MmioAccess, MmioAccessType } from './mmio-access.js';
import type { RunState } from './run-state.js';

/** The `reason` of an exit that the generated tables do not know: it comes from a kernel newer than they are. */
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
  /** The number the kernel gave. */
  readonly exitReason: number;
  /** All bytes of the run state's union. */
  readonly raw: Uint8Array;
}

/** The exits of an architecture, whose generated ones are `A`: their members bare, but where more can be said of them. */
export type ExitOf<A extends AnyExit> =
  | Exclude<A, { readonly reason: MmioExit['reason'] }>
  | MmioExit
  | UnrecognisedExit;

/** How each exit of an architecture is made of a run state, by its reason. */
export type ExitMakers<E extends AnyExit> = Readonly<Record<number, (state: RunState) => E>>;

/** The table of an architecture that has no more to say of its exits than the generated ABI and `MmioAccess` do. */
export function makeExits<A extends AnyExit, R extends RunHead>(
  views: Readonly<Record<number, (run: R) => A>>,
  access: MmioAccessType,
  reasons: Pick<typeof ExitReason, 'Mmio'>,
): ExitMakers<ExitOf<A>> {
  // Mmio, which alone differs from the generated exits, is taken out of them here.
  const generated = Object.entries(views).map(([reason, view]) => [
    reason,
    ({ run }: RunState) => view(run as R) as ExitOf<A>,
  ]);
  return {
    ...Object.fromEntries(generated),
    [reasons.Mmio]: ({ run }) => ({ reason: reasons.Mmio, mmio: access.at(run.mmio.bytes) }),
  };
}

/** The exits of one vCPU: one object a reason, made when it first occurs and used again ever after. */
export class ExitViews<E extends AnyExit> {
  readonly #state: RunState;
  readonly #table: ExitMakers<E>;
  readonly #intr: number;
  readonly #known: (E | undefined)[] = [];

  constructor(state: RunState, table: ExitMakers<E>) {
    this.#state = state;
    this.#table = table;
    this.#intr = state.arch.abi.ExitReason.Intr;
  }

  /** What the run state says now. */
  current(): E {
    const reason = this.#state.run.exitReason;
    return this.#known[reason] ?? this.#make(reason);
  }

  /** A run that a signal cut short: the run state may still show the exit before it. */
  interrupted(): E {
    return this.#known[this.#intr] ?? this.#make(this.#intr);
  }

  #make(reason: number): E {
    const exit = this.#table[reason]?.(this.#state) ?? this.#unrecognised(reason);
    const name = exitReasonNameOf(this.#state.arch.abi.exitReasonNames, reason);
    // Not enumerable: who copies or compares an exit does not see it.
    Object.defineProperty(exit, custom, {
      value: (depth: unknown, options?: ShowOptions) => show(name, () => shownExit(exit, options), depth, options),
    });
    // Numbers far beyond those of today would make the list sparse, and every look into it slow.
    if (reason < 256) this.#known[reason] = exit;
    return exit;
  }

  /** Every architecture's exits have this one among them. */
  #unrecognised(exitReason: number): E {
    const exit: UnrecognisedExit = { reason: unrecognised, exitReason, raw: this.#state.run.padding };
    return exit as AnyExit as E;
  }
}

/** The members of an exit, to be printed. */
function shownExit(exit: AnyExit, options: ShowOptions = {}): object {
  return Object.fromEntries(
    Object.entries(exit).map(([name, value]) => {
      if (value instanceof Uint8Array) return [name, bytes(value, options)];
      return [name, typeof value === 'bigint' ? hex(value) : value];
    }),
  );
}
