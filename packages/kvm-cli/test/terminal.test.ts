import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { describeUnless, noKvm } from '../../kvm-core/test/backends.js';
import { sizesGuest } from '../../kvm-vmm/test/console-guest.js';
import { dyingMainThread, guest, mainJs, readyThenSpin, temporaryFile, temporaryFolder } from './cli.js';

/** Why there can be no terminal here, or undefined. */
const reason =
  noKvm ??
  (spawnSync('script', ['--version']).status === 0 ? undefined : '`script`, which makes a terminal, is not installed');

interface Session {
  stdin: ChildProcessWithoutNullStreams['stdin'];
  /** The process id of kvm-cli, after some output. */
  pid(): number;
  /** Waits until the terminal is in raw mode. */
  rawMode(): Promise<void>;
  /** Waits for a file that the shell writes, and returns its content. */
  file(name: string): Promise<string>;
  /** Waits for a text on the terminal, and returns all output so far. */
  shown(text: string): Promise<string>;
  /** Waits for the end, and returns the exit status, and the terminal's settings before and after. */
  ended(): Promise<{ status: number; before: string; after: string }>;
}

interface SessionOptions {
  env?: NodeJS.ProcessEnv;
  /** Shell lines, with job control, that run kvm-cli as `$cli` and end with its status. `$folder` is for files. */
  job?: string[];
}

/** Runs kvm-cli on a terminal of its own. */
function onTerminal(args: string[], { env = {}, job }: SessionOptions = {}): Session {
  const folder = temporaryFolder();
  const command = join(folder, 'command');
  writeFileSync(
    command,
    [
      `tty > ${folder}/tty`,
      `stty -g > ${folder}/before`,
      `folder=${folder}`,
      `cli="sh ${folder}/cli"`,
      ...(job === undefined ? ['$cli'] : ['set -m', ...job]),
      `echo $? > ${folder}/status`,
      `stty -g > ${folder}/after`,
    ].join('\n'),
  );
  writeFileSync(
    join(folder, 'cli'),
    `echo $$ > ${folder}/pid\nexec ${[process.execPath, mainJs, ...args].map((each) => `'${each}'`).join(' ')}\n`,
  );
  const script = spawn('script', ['-qec', `sh ${command}`, '/dev/null'], {
    env: { ...process.env, SHELL: '/bin/sh', NO_COLOR: '1', ...env },
  });
  onTestFinished(() => {
    script.kill('SIGKILL');
  });
  let output = '';
  script.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8').trim();
  return {
    stdin: script.stdin,
    pid: () => Number(read('pid')),
    rawMode: async () => {
      // Until `tty` has run there is no file, and stty fails.
      const settings = `stty -F "$(cat ${folder}/tty)" -a`;
      while (!spawnSync('sh', ['-c', settings]).stdout.toString().includes('-icanon')) await sleep(20);
    },
    file: async (name) => {
      while (!existsSync(join(folder, name)) || read(name) === '') await sleep(20);
      return read(name);
    },
    shown: async (text) => {
      while (!output.includes(text)) await once(script.stdout, 'data');
      return output;
    },
    ended: async () => {
      await once(script, 'close');
      if (!existsSync(join(folder, 'after'))) throw new Error(`The shell on the terminal did not end well:\n${output}`);
      return { status: Number(read('status')), before: read('before'), after: read('after') };
    },
  };
}

describeUnless(reason, 'a terminal', () => {
  test('passes each key to the guest at once, and is restored when the guest ends', async () => {
    const { stdin, rawMode, shown, ended } = onTerminal(['run', guest('echo')]);
    // Before raw mode, the terminal would echo the key itself.
    await rawMode();
    stdin.write('k');
    expect(await shown('k')).toBe('k');
    stdin.write('\x04');
    const { status, before, after } = await ended();
    expect(status).toBe(0);
    expect(after).toBe(before);
  });

  test('stops a spinning guest at Ctrl-C, and is restored', async () => {
    const { stdin, shown, ended } = onTerminal(['run', spinner()]);
    await shown('R');
    stdin.write('lost\x03');
    const { status, before, after } = await ended();
    expect(status).toBe(130);
    expect(after).toBe(before);
  });

  test.each([
    ['the guest timed out', ['run', '--timeout', '0.3', guest('spin')], 124],
    ['the guest crashed', ['run', '--mode', 'protected', guest('shutdown')], 3],
    ['there is no KVM', ['run', '--device', '/dev/no-such-kvm', guest('spin')], 2],
  ])('is restored when %s', async (_, args, expected) => {
    const { status, before, after } = await onTerminal(args).ended();
    expect(status).toBe(expected);
    expect(after).toBe(before);
  });

  test('is restored when kvm-cli fails', async () => {
    const { status, before, after } = await onTerminal(['run', guest('spin')], { env: dyingMainThread }).ended();
    expect(status).toBe(1);
    expect(after).toBe(before);
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGQUIT', 131],
    ['SIGALRM', 142],
    ['SIGUSR2', 140],
  ] as const)('is restored when %s ends kvm-cli', async (signal, expected) => {
    const { pid, shown, ended } = onTerminal(['run', spinner()]);
    await shown('R');
    process.kill(pid(), signal);
    const { status, before, after } = await ended();
    expect(status).toBe(expected);
    expect(after).toBe(before);
  });

  test('passes Ctrl-C to a guest that reads, and has escape keys for Ctrl-A, help and the end', async () => {
    const { stdin, rawMode, shown, ended } = onTerminal(['run', guest('echo')]);
    await rawMode();
    stdin.write('k');
    await shown('k');
    stdin.write('\x03');
    await shown('k\x03');
    stdin.write('\x01\x01');
    await shown('k\x03\x01');
    stdin.write('\x01h');
    await shown('Ctrl-A x       end the run');
    stdin.write('\x01x');
    const { status, before, after } = await ended();
    expect(status).toBe(130);
    expect(after).toBe(before);
  });

  test('stops a spinning guest at Ctrl-A x', async () => {
    const { stdin, shown, ended } = onTerminal(['run', spinner()]);
    await shown('R');
    stdin.write('\x01x');
    const { status, before, after } = await ended();
    expect(status).toBe(130);
    expect(after).toBe(before);
  });

  test('tells the guest its size, and each change of it', async () => {
    const file = temporaryFile('guest.bin', sizesGuest([100, 30], [132, 50]));
    const args = ['run', '--mode', 'protected', '--console', 'virtio', file];
    const { file: read, shown, ended } = onTerminal(args, { job: ['stty cols 100 rows 30', '$cli'] });
    await shown('R');
    spawnSync('stty', ['-F', await read('tty'), 'cols', '132', 'rows', '50']);
    await shown('RR');
    expect((await ended()).status).toBe(42);
  });

  test('is left alone with --no-stdin, and its Ctrl-C is a signal', async () => {
    const { stdin, shown, ended } = onTerminal(['run', '--no-stdin', spinner()], { job: ['$cli'] });
    await shown('R');
    stdin.write('seen');
    // The terminal echoes the keys itself.
    await shown('seen');
    stdin.write('\x03');
    const { status, before, after } = await ended();
    expect(status).toBe(130);
    expect(after).toBe(before);
  });

  test('is restored while kvm-cli is stopped, and raw again when it continues', async () => {
    const job = ['$cli', 'stty -g >$folder/stopped', 'read line', 'fg'];
    const { stdin, pid, rawMode, shown, file, ended } = onTerminal(['run', guest('echo')], { job });
    await rawMode();
    process.kill(pid(), 'SIGTSTP');
    const stopped = await file('stopped');
    stdin.write('for the shell\n');
    await rawMode();
    stdin.write('=k');
    await shown('=k');
    stdin.write('\x04');
    const { status, before, after } = await ended();
    expect(status).toBe(0);
    expect(stopped).toBe(before);
    expect(after).toBe(before);
  });

  test('is left to the shell by a background run, which ends without being stopped', async () => {
    const job = ['$cli &', 'wait $!'];
    const { status, before, after } = await onTerminal(['run', guest('exit')], { job }).ended();
    expect(status).toBe(42);
    expect(after).toBe(before);
  });

  test('is taken by a background run when it comes to the foreground', async () => {
    const job = ['$cli &', 'read line', 'echo "$line" >$folder/line', 'fg'];
    const { stdin, rawMode, shown, file, ended } = onTerminal(['run', readyEcho()], { job });
    await shown('R');
    stdin.write('for the shell\n');
    expect(await file('line')).toBe('for the shell');
    await rawMode();
    stdin.write('=k');
    await shown('=k');
    stdin.write('\x04');
    const { status, before, after } = await ended();
    expect(status).toBe(0);
    expect(after).toBe(before);
  });

  test('is left alone by a run that was stopped and continues and ends in the background', async () => {
    const job = ['$cli', 'bg', 'echo bg >$folder/bg', 'wait $(cat $folder/pid)'];
    const { pid, rawMode, shown, file, ended } = onTerminal(['run', spinner()], { job });
    await shown('R');
    await rawMode();
    process.kill(pid(), 'SIGTSTP');
    await file('bg');
    process.kill(pid(), 'SIGTERM');
    const { status, before, after } = await ended();
    expect(status).toBe(143);
    expect(after).toBe(before);
  });

  /** The guest `echo`, which first sends `R`. */
  function readyEcho(): string {
    const path = join(temporaryFolder(), 'echo.bin');
    // mov dx, 0x3f8; mov al, 'R'; out dx, al
    writeFileSync(
      path,
      Buffer.concat([Uint8Array.of(0xba, 0xf8, 0x03, 0xb0, 0x52, 0xee), readFileSync(guest('echo'))]),
    );
    return path;
  }

  function spinner(): string {
    const path = join(temporaryFolder(), 'spin.bin');
    writeFileSync(path, readyThenSpin);
    return path;
  }
});
