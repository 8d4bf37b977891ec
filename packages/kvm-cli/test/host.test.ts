import { join } from 'node:path';
import { Cap } from '@kvm/core';
import { expect, test } from 'vitest';
import { describeUnless, noKvm } from '../../kvm-core/test/backends.js';
import { cli, end, fullDisk, signalAtOnce, start, temporaryFolder } from './cli.js';

describeUnless(noKvm, 'on this host', () => {
  test('caps lists every capability by number and name, with its value', async () => {
    const { status, stdout } = await cli(['caps']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(new Set(Object.values(Cap)).size);
    for (const line of lines) expect(line).toMatch(/^ *\d+ {2}KVM_CAP_\w+ +-?\d+(, for a VM -?\d+)?$/);
    expect(stdout).toMatch(/^ *3 {2}KVM_CAP_USER_MEMORY +1$/m);
    expect(status).toBe(0);
  });

  test('caps --json prints the same as JSON', async () => {
    const { stdout } = await cli(['caps', '--json']);
    const { apiVersion, capabilities } = JSON.parse(stdout);
    expect(apiVersion).toBe(12);
    expect(capabilities).toHaveLength(Object.keys(Cap).length);
    expect(capabilities).toContainEqual({
      number: 3,
      name: 'KVM_CAP_USER_MEMORY',
      cap: 'UserMemory',
      value: 1,
      vmValue: 1,
    });
  });

  test('doctor reports that KVM is usable, and runs a guest on each backend that loads', async () => {
    const { status, stdout } = await cli(['doctor', '--json'], { env: { KVM_BACKEND: '' } });
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ usable: true, problem: null, kvm: { apiVersion: 12 } });
    for (const { error, guest } of report.backends) expect(error !== null || guest.ok).toBe(true);
    expect(report.chosen.name).toBe(report.backends.find(({ error }: { error: unknown }) => error === null).name);
    expect(status).toBe(0);
  });

  test('doctor reports the default backend, and why', async () => {
    const { status, stdout } = await cli(['doctor'], { env: { KVM_BACKEND: 'ffi' } });
    expect(stdout).toMatch(/^ok {2}backend {2}ffi: set by KVM_BACKEND$/m);
    expect(stdout).toContain('KVM is ready.');
    expect(status).toBe(0);
  });

  test('doctor ends with 2 when KVM_BACKEND is no backend', async () => {
    const { status, stdout } = await cli(['doctor'], { env: { KVM_BACKEND: 'none' } });
    expect(stdout).toContain('KVM_BACKEND: there is no backend "none"');
    expect(status).toBe(2);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('doctor stops its guest at %s, prints no report, and ends with %d', async (signal, expected) => {
    const result = await cli(['doctor'], { env: signalAtOnce(signal) });
    expect(result).toEqual({
      status: expected,
      stdout: '',
      stderr: `kvm-cli: the guest was stopped: ${signal}\n`,
    });
  });
});

describeUnless(noKvm ?? fullDisk.reason, 'on this host, with a full disk', () => {
  test.each([['caps'], ['caps', '--json'], ['doctor'], ['doctor', '--json'], ['run'], ['run', '--json']])(
    '%s %s ends with 1 and an error',
    async (...args) => {
      const { status, stderr } = await cli(args, fullDisk);
      expect(stderr).toContain('kvm-cli: standard output cannot be written: no space left on device (ENOSPC)\n');
      expect(status).toBe(1);
    },
  );
});

describeUnless(fullDisk.reason, 'with a full disk', () => {
  test.each([['--help'], ['--version']])('%s ends with 1 and an error', async (...args) => {
    const { status, stderr } = await cli(args, fullDisk);
    expect(stderr).toBe('kvm-cli: standard output cannot be written: no space left on device (ENOSPC)\n');
    expect(status).toBe(1);
  });

  test('doctor without KVM ends with 2 and an error', async () => {
    const { status, stderr } = await cli(['doctor', '--json', '--device', '/dev/no-such-kvm'], fullDisk);
    expect(stderr).toBe('kvm-cli: standard output cannot be written: no space left on device (ENOSPC)\n');
    expect(status).toBe(2);
  });
});

test('output that a file takes only partly is an error', async () => {
  const path = join(temporaryFolder(), 'out');
  // The limit is in units of 512 or 1024 bytes.
  const wrapper = ['sh', '-c', `ulimit -f 1; exec "$@" >${path}`, 'sh'];
  const { status, stderr } = await cli(['run', '--help'], { wrapper });
  expect(stderr).toBe('kvm-cli: standard output cannot be written: file too large (EFBIG)\n');
  expect(status).toBe(1);
});

test('a reader that goes early ends kvm-cli with 141 and no message', async () => {
  const child = start(['run', '--help']);
  child.stdout.destroy();
  expect(await end(child)).toMatchObject({ status: 141, stderr: '' });
});

test.each([
  [['--help'], 'Usage: kvm-cli'],
  [['run', '--help'], 'Exit status:'],
  [['caps', '--help'], 'Examples:'],
  [['doctor', '--help'], 'Examples:'],
  [['help', 'run'], 'Examples:'],
])('%s prints help', async (args, text) => {
  const { status, stdout, stderr } = await cli(args);
  expect(stdout).toContain(text);
  expect([status, stderr]).toEqual([0, '']);
});

test('--version prints the version of the package', async () => {
  const { status, stdout } = await cli(['--version']);
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\S*\n$/);
  expect(status).toBe(0);
});
