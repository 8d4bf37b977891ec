/** In plain JavaScript, for programs that run without a compiler. */

/** The number is the same on every architecture. */
const Intr = 10;

/**
 * Runs a guest to its next exit. In the main thread a signal of the engine or the kernel's own work for the thread may
 * end a run early. No test here is about those: a test that causes an `Intr` calls `run` itself.
 *
 * @param deadline If it passes first, the exit is an `Intr`.
 */
export function exitOf(vcpu, deadline) {
  for (;;) {
    const exit = deadline === undefined ? vcpu.run() : vcpu.run({ deadline });
    if (exit.reason !== Intr || (deadline !== undefined && vcpu.deadlinePassed)) return exit;
  }
}
