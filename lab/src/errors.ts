/** Anything that prevents the lab from doing its work: one sentence for the user, and details. */
export class LabError extends Error {
  /** The last lines of the machine's console, if they may tell more. */
  readonly console: string | undefined;

  constructor(message: string, { console }: { console?: string } = {}) {
    super(message);
    this.console = console;
  }
}
LabError.prototype.name = 'LabError';

/** The command did not end by itself. The status is the one that `timeout` and shells use. */
export class StoppedError extends LabError {
  readonly status: number;

  constructor(message: string, status: number, details: { console?: string } = {}) {
    super(message, details);
    this.status = status;
  }
}
StoppedError.prototype.name = 'StoppedError';
