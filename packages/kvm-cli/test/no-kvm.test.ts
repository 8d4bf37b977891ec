import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeUnless } from '../../kvm-core/test/backends.js';
import { cli, guest, temporaryFolder, unprivileged } from './cli.js';

test.each([['run'], ['run', guest('hello16')], ['run', '--json'], ['caps'], ['caps', '--json']])(
  'without a device, %s prints one line that says what to do, and ends with 2',
  async (...args) => {
    const { status, stdout, stderr } = await cli([...args, '--device', '/dev/no-such-kvm']);
    expect(stderr).toMatch(/^kvm-cli: \/dev\/no-such-kvm: there is no such device \(.*modprobe.*\)\n$/);
    expect(stdout).toBe('');
    expect(status).toBe(2);
  },
);

test('doctor explains a missing device, and ends with 2', async () => {
  const { status, stdout, stderr } = await cli(['doctor', '--device', '/dev/no-such-kvm']);
  expect(stdout).toContain('/dev/no-such-kvm does not exist');
  expect(stdout).toContain('KVM cannot be used: /dev/no-such-kvm: there is no such device');
  expect(stderr).toBe('');
  expect(status).toBe(2);
});

test('doctor explains a missing device in JSON', async () => {
  const { status, stdout } = await cli(['doctor', '--json', '--device', '/dev/no-such-kvm']);
  expect(JSON.parse(stdout)).toMatchObject({
    usable: false,
    problem: expect.stringContaining('there is no such device'),
    device: { path: '/dev/no-such-kvm', exists: false, permitted: false },
    kvm: null,
  });
  expect(status).toBe(2);
});

test('a device that is not KVM is refused', async () => {
  const path = join(temporaryFolder(), 'kvm');
  writeFileSync(path, '');
  const { status, stderr } = await cli(['run', '--device', path]);
  expect(stderr).toMatch(/^kvm-cli: [^\n]+\n$/);
  expect(stderr).toContain('is not KVM');
  expect(status).toBe(2);
});

const { wrapper, reason } = unprivileged();
describeUnless(reason, 'for a user other than root', () => {
  test('without permission for the device, run prints one line that says what to do, and ends with 2', async () => {
    const folder = temporaryFolder();
    chmodSync(folder, 0o755);
    const path = join(folder, 'kvm');
    writeFileSync(path, '', { mode: 0o000 });
    for (const command of ['run', 'caps']) {
      const { status, stdout, stderr } = await cli([command, '--device', path], { wrapper });
      expect(stderr).toMatch(/^kvm-cli: .*: this user may not open it \(.*chgrp GROUP.*\)\n$/);
      expect(stdout).toBe('');
      expect(status).toBe(2);
    }
    const doctor = await cli(['doctor', '--device', path], { wrapper });
    expect(doctor.stdout).toContain(`--  device   ${path}, permission denied\n`);
    expect(doctor.stdout).not.toContain('666');
    expect(doctor.status).toBe(2);
  });
});
