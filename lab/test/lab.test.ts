import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { cacheDirectory } from '../src/cache.js';
import { whereIs } from '../src/tools/programs.js';

const lab = join(import.meta.dirname, '../dist/main.js');

/** Why no lab can be booted here without a download, or undefined. */
const missing = ((): string | undefined => {
  if (whereIs('qemu-system-x86_64') === undefined) return 'there is no qemu-system-x86_64';
  const kernels = join(cacheDirectory(), 'kernels');
  const isHere = existsSync(kernels) && readdirSync(kernels).some((name) => name.startsWith('x86-6.12.'));
  return isHere ? undefined : 'the kernel is not in the cache: `lab fetch --arch x86 --kernel 6.12` gets it';
})();
if (missing !== undefined) process.stdout.write(`tests that boot a lab are skipped: ${missing}\n`);

interface End {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Starts the lab. `onStart` gets its process id once the command has printed something. */
function run(args: readonly string[], onStart?: (pid: number) => void): Promise<End> {
  const child = spawn(process.execPath, [lab, 'run', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const end: End = { status: null, stdout: '', stderr: '' };
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.stdout.on('data', (chunk: Buffer) => {
      if (end.stdout === '') onStart?.(child.pid ?? 0);
      end.stdout += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      end.stderr += chunk.toString();
    });
    child.once('close', (status) => resolve({ ...end, status }));
  });
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
}

function isAlive(pid: number): boolean {
  return spawnSync('kill', ['-0', `${pid}`]).status === 0;
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'lab-test-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

test.skipIf(missing !== undefined)(
  'a command runs on the host s files, with a KVM of its own, and its status is the lab s',
  async () => {
    const own = folder();
    const shared = folder();
    writeFileSync(join(own, 'file'), 'the host s\n');
    const script = `cat ${own}/file; echo changed >${own}/file; cat ${own}/file; echo kept >${shared}/file
    [ -c /dev/kvm ] && uname -r; pwd; echo "it's \\$HOME" >&2; exit 7`;
    const { status, stdout, stderr } = await run([
      '--json',
      '--kernel',
      '6.12',
      '--share',
      shared,
      '--',
      'sh',
      '-c',
      script,
    ]);
    expect(stdout).toMatch(/^the host s\nchanged\n6\.12\.\S+\n/);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe(process.cwd());
    const [said = '', json = ''] = stderr.split('\n');
    expect(said).toBe("it's $HOME");
    expect(JSON.parse(json)).toMatchObject({ architecture: 'x86', status: 7, seconds: { kernel: expect.any(Number) } });
    expect(status).toBe(7);
    expect(readFileSync(join(own, 'file'), 'utf8')).toBe('the host s\n');
    expect(readFileSync(join(shared, 'file'), 'utf8')).toBe('kept\n');
  },
);

test.skipIf(missing !== undefined)('a command that never ends is stopped at its timeout', async () => {
  const { status, stderr } = await run(['--timeout', '1', '--', 'sleep', '1000']);
  expect(stderr).toMatch(/^lab: the command did not end within 1 s/);
  expect(status).toBe(124);
});

test.skipIf(missing !== undefined)('a kernel that panics is reported with its console', async () => {
  const { status, stderr } = await run(['--', 'sh', '-c', 'echo c >/proc/sysrq-trigger']);
  expect(stderr).toMatch(
    /^lab: the lab's kernel panicked: sysrq triggered crash\nThe machine's console, at its end:\n.*Kernel panic/s,
  );
  expect(status).toBe(125);
});

test.skipIf(missing !== undefined)('Ctrl-C ends the machine with the lab', async () => {
  let qemu: number[] = [];
  const { status, stderr } = await run(['--', 'sh', '-c', 'echo begun; sleep 1000'], (pid) => {
    qemu = childrenOf(pid);
    process.kill(pid, 'SIGINT');
  });
  expect({ status, stderr }).toEqual({ status: 130, stderr: 'lab: ended by SIGINT\n' });
  expect(qemu.map(isAlive)).toEqual([false]);
  expect(readdirSync(join(cacheDirectory(), 'scratch')).filter((name) => name.startsWith(`${qemu[0]}-`))).toEqual([]);
});

test.skipIf(missing !== undefined)('QEMU that is killed is reported', async () => {
  const { status, stderr } = await run(['--', 'sh', '-c', 'echo begun; sleep 1000'], (pid) => {
    for (const qemu of childrenOf(pid)) process.kill(qemu, 'SIGKILL');
  });
  expect(stderr).toMatch(/^lab: QEMU was killed \(SIGKILL\) before the command ended/);
  expect(status).toBe(125);
});

test.skipIf(missing !== undefined || whereIs('setpriv') === undefined)(
  'a lab that is killed leaves no QEMU',
  async () => {
    let qemu: number[] = [];
    await run(['--', 'sh', '-c', 'echo begun; sleep 1000'], (pid) => {
      qemu = childrenOf(pid);
      process.kill(pid, 'SIGKILL');
    });
    await expect.poll(() => qemu.map(isAlive), { timeout: 5000 }).toEqual([false]);
  },
);

test.skipIf(missing !== undefined)('a process finds its own descriptors by name', async () => {
  const { status, stdout, stderr } = await run([
    '--',
    'bash',
    '-c',
    `cat <(echo substituted); echo in | cat /dev/stdin; echo out >/dev/stdout; echo err >/dev/stderr
     cat /dev/fd/0 <<<here`,
  ]);
  expect(stdout).toBe('substituted\nin\nout\nhere\n');
  expect(stderr).toBe('err\n');
  expect(status).toBe(0);
});

test('bad input is reported in one line, and no machine is booted', async () => {
  const said = async (...args: string[]): Promise<string> => {
    const { status, stderr } = await run(args);
    expect(status).toBe(125);
    return stderr.trim();
  };
  expect(await said()).toBe('lab: no command given: `lab run -- COMMAND`, or `lab run --shell`');
  expect(await said('--arch', 'vax', '--', 'true')).toBe(
    "lab: unknown architecture 'vax'; known are x86, arm64, riscv64, ppc64le",
  );
  expect(await said('--share', '/nowhere', '--', 'true')).toBe('lab: /nowhere is not a folder to share');
  expect(await said('--mem', 'much', '--', 'true')).toMatch(/^error: option '--mem <size>' argument 'much' is invalid/);
  expect(await said('--cpus', '0', '--', 'true')).toMatch(/^error: option '--cpus <number>' argument '0' is invalid/);
});

test.skipIf(missing !== undefined)('an error for an unknown kernel names it and the available ones', async () => {
  const { status, stderr } = await run(['--kernel', '4.4', '--', 'true']);
  expect(stderr).toMatch(/lab: there is no kernel 4\.4 for x86: Debian has .*6\.12/);
  expect(status).toBe(125);
});
