import { spawnSync } from 'node:child_process';
import { fstatSync } from 'node:fs';
import { inBackground, isControllingTerminal } from './job-control.js';

/** Each key at once, and none of them a signal; a line feed that is printed still returns the carriage. */
const rawSettings =
  '-brkint -icrnl -inpck -istrip -ixon cs8 -echo -icanon -iexten -isig min 1 time 0 opost onlcr'.split(' ');

/** How often a process in the background looks whether it has come to the foreground: no signal tells it of `fg`. */
const watchMilliseconds = 200;

/**
 * The terminal on standard input, raw while the program is in its foreground. It has its old settings when the program stops (SIGTSTP),
 * and after `stop`. In the background the terminal is not touched, for that would stop the program (SIGTTOU).
 *
 * Raw mode is set by `stty` and not by `setRawMode`: libuv restores the settings at the end of the process from the background, too,
 * which stops it there.
 */
export class Terminal {
  readonly #fd: number;
  readonly #isControlling: boolean;
  readonly #changed: (held: boolean) => void;
  #held = false;
  /** The settings to restore, while the terminal is held. */
  #saved: string | undefined;
  #watch: NodeJS.Timeout | undefined;

  /**
   * @param fd a terminal.
   * @param changed called when the program has got the terminal, and may read it, or has lost it.
   */
  constructor(fd: number, changed: (held: boolean) => void) {
    this.#fd = fd;
    this.#isControlling = isControllingTerminal(fstatSync(fd).rdev);
    this.#changed = changed;
  }

  start(): void {
    process.on('SIGTSTP', this.#suspend);
    process.on('SIGCONT', this.#continue);
    this.#continue();
  }

  /** Restores the terminal. Safe to call at any time, and again. */
  stop(): void {
    process.off('SIGTSTP', this.#suspend);
    process.off('SIGCONT', this.#continue);
    clearInterval(this.#watch);
    this.#release();
  }

  get #isOurs(): boolean {
    return !(this.#isControlling && inBackground());
  }

  /** After SIGCONT the settings are the shell's, whatever they were before. */
  readonly #continue = (): void => {
    clearInterval(this.#watch);
    if (this.#isOurs) {
      this.#hold();
      return;
    }
    this.#lose();
    this.#watch = setInterval(() => {
      if (!this.#isOurs) return;
      clearInterval(this.#watch);
      this.#hold();
    }, watchMilliseconds);
  };

  readonly #suspend = (): void => {
    this.#release();
    process.off('SIGTSTP', this.#suspend);
    // With nobody listening it does what it does by default: it stops the process here, or nothing in an orphaned group.
    process.kill(process.pid, 'SIGTSTP');
    process.on('SIGTSTP', this.#suspend);
    this.#continue();
  };

  #hold(): void {
    this.#saved ??= stty(this.#fd, ['-g']);
    stty(this.#fd, rawSettings);
    this.#held = true;
    this.#changed(true);
  }

  #release(): void {
    const settings = this.#saved;
    this.#lose();
    if (settings !== undefined && this.#isOurs) stty(this.#fd, [settings]);
  }

  #lose(): void {
    this.#saved = undefined;
    if (!this.#held) return;
    this.#held = false;
    this.#changed(false);
  }
}

/** What it prints; undefined when it fails, as on a terminal that is gone. */
function stty(fd: number, args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync('stty', args, { stdio: [fd, 'pipe', 'ignore'], encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}
