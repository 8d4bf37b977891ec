import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync } from 'node:fs';
import { setTimeout as after } from 'node:timers/promises';
import { KvmError } from '@kvm/core';
import type { Backend } from '@kvm/core/backend';
import type { PasstOptions } from '../../machine/document.js';
import type { OpenLink } from './open-link.js';
import { refuse } from './refuse.js';
import { socketPair } from './unix-socket.js';

/** The descriptors of the program, behind the standard ones. */
const its = { socket: 3, pidFile: 4 } as const;
/** Milliseconds between looks at whether it is ready. */
const look = 5;

/**
 * Starts passt, which ends with its socket: when the machine ends, or this process.
 *
 * @param program for tests.
 */
export function openPasst(options: PasstOptions, backend: Backend, program = 'passt'): OpenLink {
  const pair = socketPair(backend);
  if (typeof pair === 'number') throw new KvmError('ERR_KVM_SYSCALL', 'socketpair', { errno: -pair });
  const [fd, other] = pair;
  // It writes its number there when it is ready: a file without a name is enough.
  const pidFile = backend.memoryFile();
  const child = spawn(program, argumentsOf(options), { stdio: ['ignore', 'ignore', 'pipe', other, pidFile] });
  closeSync(other);
  child.unref();
  let isClosed = false;
  const close = (): void => {
    if (isClosed) return;
    isClosed = true;
    closeSync(fd);
  };
  return { plan: { kind: 'stream', fd }, ready: untilReady(child, pidFile, () => isClosed), close };
}

/** The command line of passt. */
export function argumentsOf({ ports = [], hostLoopback = false, mtu }: PasstOptions): string[] {
  return [
    '--foreground',
    '--quiet',
    // Without it, older versions tell the system's log alone what is wrong.
    '--stderr',
    ...['--fd', `${its.socket}`, '--pid', `/proc/self/fd/${its.pidFile}`],
    ...(hostLoopback ? [] : ['--no-map-gw']),
    ...(mtu === undefined ? [] : ['--mtu', `${mtu}`]),
    ...ports.flatMap(forward),
  ];
}

/** As docker writes it: `127.0.0.1:8080:80/udp`. */
function forward(port: string): string[] {
  const [numbers = '', protocol = 'tcp'] = port.split('/');
  const [guest, host, address] = numbers.split(':').reverse();
  const prefix = address === undefined ? '' : `${address}/`;
  return [protocol === 'udp' ? '--udp-ports' : '--tcp-ports', `${prefix}${host}:${guest}`];
}

async function untilReady(child: ChildProcess, pidFile: number, isClosed: () => boolean): Promise<void> {
  let text = '';
  let failure: KvmError | undefined;
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-4096);
  });
  child.on('error', (cause: NodeJS.ErrnoException) => {
    failure =
      cause.code === 'ENOENT'
        ? refuse(
            'passt is not installed',
            "install it (apt install passt), or use a tap: { type: 'tap', name: 'tap0' }",
          )
        : refuse(`passt cannot be started: ${cause.message}`);
  });
  child.on('close', () => {
    failure ??= refuse(`passt has ended: ${lastWords(text)}`, 'passt(1) tells about its ports and interfaces');
  });
  try {
    while (failure === undefined && !isClosed() && fstatSync(pidFile).size === 0) await after(look);
  } finally {
    closeSync(pidFile);
    // What it says later goes nowhere, and keeps no program running.
    (child.stderr as unknown as { unref?(): void } | null)?.unref?.();
  }
  if (failure !== undefined) throw failure;
}

/** The reason is the last that it says. Without a system log, an older version complains of that, too. */
function lastWords(text: string): string {
  const lines = text.split('\n').filter((line) => line !== '' && !/^Failed to send \d+ bytes to syslog/.test(line));
  return lines.at(-1) ?? 'it does not say why';
}
