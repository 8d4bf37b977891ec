import { constants } from 'node:os';
import { ExitStatus } from '../exit-status.js';

/** The signals that end a process and can be caught: a run ends in good order, and leaves the terminal as it was. */
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

/** Why a guest was stopped from outside. */
export type StopCause = 'timeout' | 'Ctrl-A x' | 'output closed' | 'output failed' | StopSignal;

/** The status of a run that was stopped. */
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
      // As a shell has it for a program that a signal ended.
      return 128 + constants.signals[cause];
  }
}
