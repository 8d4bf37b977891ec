import type { KvmErrorCode } from '@kvm/core';

/** The statuses of kvm-cli itself; a guest that writes to the debug-exit port chooses its own. */
export const ExitStatus = {
  Ok: 0,
  /** Bad usage or input, a wrong result of the demo, or any other error. */
  Failure: 1,
  /** KVM is not there, or may not be used. */
  NoKvm: 2,
  /** The guest crashed. */
  GuestCrashed: 3,
  /** As of timeout(1). */
  TimedOut: 124,
  /** The reader of the output has gone: as a shell has it for a program that SIGPIPE ended. */
  OutputClosed: 141,
} as const;

/** What ends kvm-cli, an error of the user's for the most part: one line that says what is wrong, and the status. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly status: number;

  constructor(message: string, status: number = ExitStatus.Failure) {
    super(message);
    this.status = status;
  }
}

const noKvm: ReadonlySet<unknown> = new Set([
  'ERR_KVM_UNAVAILABLE',
  'ERR_KVM_PERMISSION',
  'ERR_KVM_API_VERSION',
  'ERR_KVM_BACKEND',
] satisfies KvmErrorCode[]);

/** The status that an error of @kvm/core ends kvm-cli with. */
export function statusOfCode(code: unknown): number {
  return noKvm.has(code) ? ExitStatus.NoKvm : ExitStatus.Failure;
}

export function statusOf(error: unknown): number {
  if (error instanceof CliError) return error.status;
  // By its code, which no other error has: its class would have to be loaded, and help needs nothing of @kvm/core.
  return statusOfCode(error instanceof Error && 'code' in error ? error.code : undefined);
}
