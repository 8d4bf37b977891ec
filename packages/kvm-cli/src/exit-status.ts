import type { KvmErrorCode } from '@kvm/core';

/** The exit statuses of kvm-cli. A guest that writes to the debug-exit port sets its own. */
export const ExitStatus = {
  Ok: 0,
  /** Wrong usage or input, a wrong result of the demo, or any other error. */
  Failure: 1,
  /** KVM is not available, or access was denied. */
  NoKvm: 2,
  /** The guest crashed. */
  GuestCrashed: 3,
  /** That of timeout(1). */
  TimedOut: 124,
  /** The reader of the output has gone. A shell reports this status for a program that was ended by SIGPIPE. */
  OutputClosed: 141,
} as const;

/** An error that ends kvm-cli: a message of one line, and the exit status. Most are errors of the user. */
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

/** The exit status for an error of @kvm/core. */
export function statusOfCode(code: unknown): number {
  return noKvm.has(code) ? ExitStatus.NoKvm : ExitStatus.Failure;
}

export function statusOf(error: unknown): number {
  if (error instanceof CliError) return error.status;
  // By its code: checking its class would load @kvm/core, which help does not need.
  return statusOfCode(error instanceof Error && 'code' in error ? error.code : undefined);
}
