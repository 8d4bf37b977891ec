import { fstatSync } from 'node:fs';
import { inBackground, isControllingTerminal } from './job-control.js';

/** Raw input: every key at once, none of them a signal. Output still turns a line feed into CR LF. */
const rawSettings =
  '-brkint -icrnl -inpck -istrip -ixon cs8 -echo -icanon -iexten -isig min 1 time 0 opost onlcr'.split(' ');

/** How often a background process checks whether it is in the foreground: no signal reports `fg`. */
const watchMilliseconds = 200;

/**
 * The terminal on standard input, in raw mode while this process is in its foreground. The old settings are restored
 * when the process is stopped (SIGTSTP), and by `stop`. In the background the terminal is left alone: touching it would
 * stop the process (SIGTTOU).
 *
 * `stty` sets raw mode, not `setRawMode`: libuv restores the settings at the end of the process even from the
 * background, which stops the process there.
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
   * @param changed called with true when the process holds the terminal and may read it, with false when it has lost
   *   it.
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

  /** Restores the terminal. May be called at any time, and repeatedly. */
  stop(): void {
    process.off('SIGTSTP', this.#suspend);
    process.off('SIGCONT', this.#continue);
    clearInterval(this.#watch);
    this.#release();
  }

  get #isOurs(): boolean {
    return !(this.#isControlling && inBackground());
  }

  /** After SIGCONT the shell's settings are in place. */
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
    // Without a listener the signal stops the process here. It does nothing in an orphaned process group.
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

/** Its output; undefined when it fails, such as on a terminal that is gone. */
function stty(fd: number, args: readonly string[]): string | undefined {
  // Loaded on first use: most runs have no terminal.
  const { spawnSync } = process.getBuiltinModule('node:child_process');
  const { status, stdout } = spawnSync('stty', args, { stdio: [fd, 'pipe', 'ignore'], encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}
