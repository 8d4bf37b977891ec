import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { noKvm } from '../../kvm-core/test/backends.js';
import { dyingMainThread, guest, mainJs, readyThenSpin, temporaryFolder } from './cli.js';

/** Why there can be no terminal here, or undefined. */
const reason =
  noKvm ??
  (spawnSync('script', ['--version']).status === 0 ? undefined : '`script`, which makes a terminal, is not here');

interface Session {
  script: ChildProcessWithoutNullStreams;
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
      `stty -g > ${folder}/before`,
      `${[process.execPath, mainJs, ...args].map((each) => `'${each}'`).join(' ')}`,
      `echo $? > ${folder}/status`,
      `stty -g > ${folder}/after`,
    ].join('\n'),
  );
  const script = spawn('script', ['-qec', `sh ${command}`, '/dev/null'], {
    env: { ...process.env, NO_COLOR: '1', ...env },
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
    script,
    shown: async (text) => {
      while (!output.includes(text)) await once(script.stdout, 'data');
      return output;
    },
    ended: async () => {
      await once(script, 'exit');
      return { status: Number(read('status')), before: read('before'), after: read('after') };
    },
  };
}

describe.skipIf(reason !== undefined)(`a terminal${reason === undefined ? '' : `: skipped, ${reason}`}`, () => {
  test('gives each key to the guest at once, and is as before when the guest ends', async () => {
    const { script, shown, ended } = onTerminal(['run', guest('echo')]);
    // Until the guest listens, the terminal shows keys itself: what it shows twice was not the guest's.
    await rawMode(script);
    script.stdin.write('k');
    expect(await shown('k')).toBe('k');
    script.stdin.write('\x04');
    const { status, before, after } = await ended();
    expect(status).toBe(0);
    expect(after).toBe(before);
  });

  test('ends a spinning guest at Ctrl-C, and is as before', async () => {
    const { script, shown, ended } = onTerminal(['run', spinner()]);
    await shown('R');
    script.stdin.write('lost\x03');
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
    const { script, shown, ended } = onTerminal(['run', spinner()]);
    await shown('R');
    const nodes = childrenOf(childrenOf([script.pid ?? 0]));
    for (const pid of nodes) process.kill(pid, 'SIGTERM');
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

/** Waits until the program on the terminal has taken it into raw mode. */
async function rawMode(script: ChildProcessWithoutNullStreams): Promise<void> {
  for (;;) {
    const [shell] = childrenOf([script.pid ?? 0]);
    const tty =
      shell === undefined
        ? ''
        : spawnSync('readlink', [`/proc/${shell}/fd/0`])
            .stdout.toString()
            .trim();
    if (tty !== '' && spawnSync('stty', ['-F', tty, '-a']).stdout.toString().includes('-icanon')) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function childrenOf(parents: number[]): number[] {
  return parents.flatMap((pid) =>
    readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number),
  );
}
