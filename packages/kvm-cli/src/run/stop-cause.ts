import { constants } from 'node:os';
import { ExitStatus } from '../exit-status.js';

/** The signals that end a process and can be caught: they stop the guest first, and restore the terminal. */
export const stopSignals = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGALRM',
  'SIGTERM',
  'SIGUSR2',
  'SIGVTALRM',
  'SIGXCPU',
  'SIGIO',
  'SIGPWR',
] as const satisfies readonly NodeJS.Signals[];

export type StopSignal = (typeof stopSignals)[number];

/** Why kvm-cli stopped a guest. */
export type StopCause = 'timeout' | 'Ctrl-A x' | 'output closed' | 'output failed' | StopSignal;

/** The exit status of a run that was stopped. */
export function stopStatus(cause: StopCause): number {
  switch (cause) {
    case 'timeout':
      return ExitStatus.TimedOut;
    case 'output closed':
      return ExitStatus.OutputClosed;
    case 'output failed':
      return ExitStatus.Failure;
    case 'Ctrl-A x':
      return stopStatus('SIGINT');
    default:
      // The status that a shell gives a program that was ended by a signal.
      return 128 + constants.signals[cause];
  }
}
