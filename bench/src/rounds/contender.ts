import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A program that stays in memory and measures a loop on request: "pio 1000" in, nanoseconds out. */
export class Contender {
  readonly name: string;
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  #errors = '';

  /** @param core The core that it is bound to, or undefined. */
  constructor(name: string, command: readonly string[], core: number | undefined) {
    this.name = name;
    const [program, ...args] = core === undefined ? command : ['taskset', '-c', String(core), ...command];
    this.#process = spawn(program as string, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#process.stderr.on('data', (chunk: Buffer) => {
      this.#errors += chunk.toString();
    });
    this.#process.on('error', (error) => {
      this.#errors += error.message;
    });
    // Writes to a contender that ended fail. The next measurement reports its output as the error.
    this.#process.stdin.on('error', () => {});
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  /** Whether it has a loop of this name. */
  async has(loop: string): Promise<boolean> {
    this.#process.stdin.write(`${loop} 0\n`);
    const line = await this.#lines.next();
    if (line.done === true) throw this.#failure(loop);
    return line.value !== '-';
  }

  /** The result of a loop for `count` turns, in nanoseconds. */
  async measure(loop: string, count: number): Promise<number> {
    this.#process.stdin.write(`${loop} ${count}\n`);
    const line = await this.#lines.next();
    const nanoseconds = line.done === true ? Number.NaN : Number(line.value);
    if (!(nanoseconds >= 0)) throw this.#failure(loop);
    return nanoseconds;
  }

  #failure(loop: string): Error {
    return new Error(`${this.name} failed at ${loop}: ${this.#errors.trim() || 'it exited'}`);
  }

  async close(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'close');
    this.#process.kill('SIGKILL');
    await ended;
  }
}
