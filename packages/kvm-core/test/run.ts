import { ExitReason } from '../src/abi/x86/index.js';

/** The number is the same on every architecture. */
const { Intr } = ExitReason;

interface Runs<E> {
  run(options?: { deadline: number }): E;
  readonly deadlinePassed: boolean;
}

/**
 * Runs a guest to its next exit. In the main thread a run may end before, by a signal of the engine's or by the kernel's own work for the
 * thread; no test here is about those. A test that causes an `Intr` calls `run` itself.
 *
 * @param deadline if it passes before, the exit is an `Intr`.
 */
export function exitOf<E extends { readonly reason: number }>(vcpu: Runs<E>, deadline?: number): E {
  for (;;) {
    const exit = deadline === undefined ? vcpu.run() : vcpu.run({ deadline });
    if (exit.reason !== Intr || (deadline !== undefined && vcpu.deadlinePassed)) return exit;
  }
}
