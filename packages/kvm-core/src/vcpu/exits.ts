import { type AbiExit, ExitReason, exitViews } from '../abi/x86/index.js';
import { IoAccess } from './io-access.js';
import { MmioAccess } from './mmio-access.js';
import type { RunState } from './run-state.js';

/** The `reason` of an exit that the generated tables do not know: it comes from a kernel newer than they are. */
export const unrecognised = -1;

export interface IoExit {
  readonly reason: typeof ExitReason.Io;
  readonly io: IoAccess;
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

/**
 * Why a run returned. A `switch` on `reason` narrows it to the members of `struct kvm_run` that the reason fills, under the
 * kernel's names: `exit.io`, `exit.mmio`, `exit.systemEvent`.
 */
export type Exit =
  | Exclude<AbiExit, { readonly reason: (IoExit | MmioExit)['reason'] }>
  | IoExit
  | MmioExit
  | UnrecognisedExit;

/** The exits of one vCPU: one object a reason, made when it first occurs and used again ever after. */
export class ExitViews {
  readonly #state: RunState;
  readonly #known: (Exit | undefined)[] = [];

  constructor(state: RunState) {
    this.#state = state;
  }

  /** What the run state says now. */
  current(): Exit {
    const reason = this.#state.run.exitReason;
    return this.#known[reason] ?? this.#make(reason);
  }

  /** A run that a signal cut short: the run state may still show the exit before it. */
  interrupted(): Exit {
    return this.#known[ExitReason.Intr] ?? this.#make(ExitReason.Intr);
  }

  #make(reason: number): Exit {
    const exit = this.#view(reason);
    // Numbers far beyond those of today would make the list sparse, and every look into it slow.
    if (reason < 256) this.#known[reason] = exit;
    return exit;
  }

  #view(reason: number): Exit {
    const { run } = this.#state;
    if (reason === ExitReason.Io) return { reason, io: IoAccess.of(this.#state) };
    if (reason === ExitReason.Mmio) return { reason, mmio: MmioAccess.at(run.mmio.bytes) };
    const view = exitViews[reason];
    // Io and Mmio, which alone differ from the generated exits, were dealt with above.
    if (view !== undefined) return view(run) as Exit;
    return { reason: unrecognised, exitReason: reason, raw: run.padding };
  }
}
