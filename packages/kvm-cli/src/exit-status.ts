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

/** What each status of `kvm-cli run` means: for help and the documentation. */
export const statusMeanings: readonly (readonly [status: string, meaning: string])[] = [
  ['0', 'the guest halted, powered off or asked for a reboot (a kernel that panics reboots by panic=-1)'],
  ['N', 'the guest wrote N to the debug-exit port 0xf4: 0 to 255'],
  ['1', "wrong usage or input, output could not be written, the demo's result was wrong, or another error"],
  ['2', 'KVM is not available, access was denied, or the backend does not load'],
  ['3', 'the guest crashed: a triple fault, a panic that it reported by pvpanic, or an error of KVM'],
  ['124', 'the guest timed out (--timeout)'],
  ['130', 'ended by Ctrl-C or Ctrl-A x'],
  ['128 + N', 'stopped by signal N: 129 by SIGHUP, 131 by SIGQUIT, 143 by SIGTERM'],
  ['141', 'the reader of the output has gone'],
];

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
