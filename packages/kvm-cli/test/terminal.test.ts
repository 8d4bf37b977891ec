import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { describeUnless, noKvm } from '../../kvm-core/test/backends.js';
import { dyingMainThread, guest, mainJs, readyThenSpin, temporaryFolder } from './cli.js';

/** Why there can be no terminal here, or undefined. */
const reason =
  noKvm ??
  (spawnSync('script', ['--version']).status === 0 ? undefined : '`script`, which makes a terminal, is not here');

interface Session {
  stdin: ChildProcessWithoutNullStreams['stdin'];
  /** The process of kvm-cli, once something of it was shown. */
  pid(): number;
  /** Waits until kvm-cli has taken the terminal into raw mode. */
  rawMode(): Promise<void>;
  /** What has come out of the terminal so far, once it has this text. */
  shown(text: string): Promise<string>;
  /** The status of kvm-cli, and the terminal's settings in front of it and after. */
  ended(): Promise<{ status: number; before: string; after: string }>;
}

/** Runs kvm-cli on a terminal of its own. */
function onTerminal(args: string[], env: NodeJS.ProcessEnv = {}): Session {
  const folder = temporaryFolder();
  const command = join(folder, 'command');
  writeFileSync(
    command,
    [
      `tty > ${folder}/tty`,
      `stty -g > ${folder}/before`,
      `sh -c 'echo $$ > ${folder}/pid; exec "$@"' - ${[process.execPath, mainJs, ...args].map((each) => `'${each}'`).join(' ')}`,
      `echo $? > ${folder}/status`,
      `stty -g > ${folder}/after`,
    ].join('\n'),
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
      // Before `tty` has run there is neither file nor name, and stty fails.
      const settings = `stty -F "$(cat ${folder}/tty)" -a`;
      while (!spawnSync('sh', ['-c', settings]).stdout.toString().includes('-icanon')) await sleep(20);
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
  test('gives each key to the guest at once, and is as before when the guest ends', async () => {
    const { stdin, rawMode, shown, ended } = onTerminal(['run', guest('echo')]);
    // Until the guest listens, the terminal shows keys itself: what it shows twice was not the guest's.
    await rawMode();
    stdin.write('k');
    expect(await shown('k')).toBe('k');
    stdin.write('\x04');
    const { status, before, after } = await ended();
    expect(status).toBe(0);
    expect(after).toBe(before);
  });

  test('ends a spinning guest at Ctrl-C, and is as before', async () => {
    const { stdin, shown, ended } = onTerminal(['run', spinner()]);
    await shown('R');
    stdin.write('lost\x03');
    const { status, before, after } = await ended();
    expect(status).toBe(130);
    expect(after).toBe(before);
  });

  test.each([
    ['its time was up', ['run', '--timeout', '0.3', guest('spin')], 124],
    ['the guest has crashed', ['run', '--mode', 'protected', guest('shutdown')], 3],
    ['there is no KVM', ['run', '--device', '/dev/no-such-kvm', guest('spin')], 2],
  ])('is as before when %s', async (_, args, expected) => {
    const { status, before, after } = await onTerminal(args).ended();
    expect(status).toBe(expected);
    expect(after).toBe(before);
  });

  test('is as before when kvm-cli dies of an error of its own', async () => {
    const { status, before, after } = await onTerminal(['run', guest('spin')], dyingMainThread).ended();
    expect(status).toBe(1);
    expect(after).toBe(before);
  });

  test('is as before when kvm-cli is told to end', async () => {
    const { pid, shown, ended } = onTerminal(['run', spinner()]);
    await shown('R');
    process.kill(pid(), 'SIGTERM');
    const { status, before, after } = await ended();
    expect(status).toBe(143);
    expect(after).toBe(before);
  });

  function spinner(): string {
    const path = join(temporaryFolder(), 'spin.bin');
    writeFileSync(path, readyThenSpin);
    return path;
  }
});
