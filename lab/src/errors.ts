/** Anything that keeps the lab from doing what it was asked: one sentence for the person, and what helps to understand it. */
export class LabError extends Error {
  /** What the machine wrote to its console last, where that may tell more. */
  readonly console: string | undefined;

  constructor(message: string, { console }: { console?: string } = {}) {
    super(message);
    this.console = console;
  }
}
LabError.prototype.name = 'LabError';

/** The command did not end by itself; the status is what `timeout` and shells give for it. */
export class StoppedError extends LabError {
  readonly status: number;

  constructor(message: string, status: number, details: { console?: string } = {}) {
    super(message, details);
    this.status = status;
  }
}
StoppedError.prototype.name = 'StoppedError';
