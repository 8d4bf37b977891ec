import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** The built command, as it is installed. */
export const mainJs: string = fileURLToPath(new URL('../dist/main.js', import.meta.url));

export interface CliResult {
  status: number | null;
  stdout: string;
  stderr: string;
}

export interface CliOptions {
  /** The whole of standard input. */
  input?: string;
  env?: NodeJS.ProcessEnv;
  /** A command that runs node: its arguments are node and node's arguments. */
  wrapper?: string[];
}

/** Starts kvm-cli. It is killed if it still runs at the end of the test. */
export function start(args: string[], { env = {}, wrapper = [] }: CliOptions = {}): ChildProcessWithoutNullStreams {
  const [command = '', ...rest] = [...wrapper, process.execPath, mainJs, ...args];
  const child = spawn(command, rest, { env: { ...process.env, NO_COLOR: '1', ...env } });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

/** Waits for its end. */
export async function end(child: ChildProcessWithoutNullStreams): Promise<CliResult> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { status, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
}

/** Runs kvm-cli to its end. */
export async function cli(args: string[], options: CliOptions = {}): Promise<CliResult> {
  const child = start(args, options);
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  return await end(child);
}

/** The path of one of the repository's guests. */
export function guest(name: string): string {
  return fileURLToPath(new URL(`../../../guests/${name}.bin`, import.meta.url));
}

/** A folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kvm-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A file that is removed after the test. */
export function temporaryFile(name: string, bytes: Uint8Array): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, bytes);
  return path;
}

/** Real-mode code that sends one byte to COM1 and then spins: `mov dx, 0x3f8; mov al, 'R'; out dx, al; jmp .`. */
export const readyThenSpin: Uint8Array = Uint8Array.of(0xba, 0xf8, 0x03, 0xb0, 0x52, 0xee, 0xeb, 0xfe);

/** Real-mode code that sends to COM1 for ever: `mov dx, 0x3f8; mov al, 'x'; again: out dx, al; jmp again`. */
export const chatter: Uint8Array = Uint8Array.of(0xba, 0xf8, 0x03, 0xb0, 0x78, 0xee, 0xeb, 0xfd);

/** Each thread of kvm-cli runs this code before its own. */
function preload(code: string): NodeJS.ProcessEnv {
  const module = `import { isMainThread, parentPort } from "node:worker_threads"; ${code}`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(module)}` };
}

/**
 * Real-mode code that sends `x` to COM1 65536 times:
 * `mov dx, 0x3f8; mov al, 'x'; xor cx, cx; again: out dx, al; loop again; hlt`.
 */
export const talker: Uint8Array = Uint8Array.of(0xba, 0xf8, 0x03, 0xb0, 0x78, 0x31, 0xc9, 0xee, 0xe2, 0xfd, 0xf4);

/** The main thread of kvm-cli fails some time after its start. */
export const dyingMainThread: NodeJS.ProcessEnv = preload(
  'if (isMainThread) setTimeout(() => { throw new Error("main thread failed") }, 1500)',
);

/** kvm-cli gets a signal as soon as it listens for it, which is before its guest runs. */
export function signalAtOnce(signal: NodeJS.Signals): NodeJS.ProcessEnv {
  return preload(
    `if (isMainThread) process.on("newListener", (name) => {
       if (name === "${signal}") setImmediate(() => process.kill(process.pid, name));
     })`,
  );
}

/** The vCPU's thread takes a second to start. */
export const slowThread: NodeJS.ProcessEnv = preload(
  'if (!isMainThread) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);',
);

/** The vCPU's thread fails when its guest has ended, and standard output accepts nothing for a while. */
export const failingThread: NodeJS.ProcessEnv = preload(
  `if (isMainThread) {
     process.stdout.cork();
     setTimeout(() => process.stdout.uncork(), 1000);
   } else {
     const post = parentPort.postMessage.bind(parentPort);
     parentPort.postMessage = (message) => {
       if (message.kind === "ended") throw new Error("the thread has failed");
       post(message);
     };
   }`,
);

/** Starts a program with its standard output on a full disk; `reason` says why that is not possible here. */
export const fullDisk: { wrapper: string[]; reason?: string } = {
  wrapper: ['sh', '-c', 'exec "$@" >/dev/full', 'sh'],
  ...(existsSync('/dev/full') ? {} : { reason: 'there is no /dev/full' }),
};

/** Starts a program as a user other than root; `reason` says why that is not possible here. */
export function unprivileged(): { wrapper: string[]; reason?: string } {
  if (process.getuid?.() !== 0) return { wrapper: [] };
  const wrapper = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
  const [command = '', ...args] = [...wrapper, process.execPath, mainJs, '--version'];
  const { status, error } = spawnSync(command, args);
  if (status === 0) return { wrapper };
  return {
    wrapper,
    reason: `this is root, and setpriv cannot make it nobody: ${error?.message ?? `status ${status}`}`,
  };
}
