import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { kvmError } from '../../test/errors.js';
import type { Backend } from '../backend/backend.js';
import { openDevice } from './open.js';

const { EACCES, EMFILE, ENODEV, ENOENT, EPERM } = constants.errno;

/** A backend that fails every open. */
function failing(errno: number): Backend {
  return { open: () => -errno } as unknown as Backend;
}

/** A file that this group may read and write; without a group, only its owner. */
function fileOfGroup(gid: number | undefined): string {
  const folder = mkdtempSync(join(tmpdir(), 'kvm-open-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'kvm');
  writeFileSync(path, '');
  if (gid !== undefined) chownSync(path, 0, gid);
  chmodSync(path, gid === undefined ? 0o600 : 0o660);
  return path;
}

test('a device that no group may open gives a permission error with a remedy', () => {
  const path = fileOfGroup(undefined);
  const error = kvmError('ERR_KVM_PERMISSION', () => openDevice(failing(EACCES), path));
  expect(error.errno).toBe(EACCES);
  expect(error.hint).toContain(`sudo chgrp GROUP ${path}`);
  expect(error.hint).not.toContain('666');
});

test.skipIf(process.getuid?.() !== 0)('the hint for a device that a group may open is to join that group', () => {
  const groups = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const [name = '', , gid = ''] = groups.find(([, , number]) => Number(number) > 0) ?? [];
  const error = kvmError('ERR_KVM_PERMISSION', () => openDevice(failing(EACCES), fileOfGroup(Number(gid))));
  expect(error.hint).toBe(`join the group ${name}: \`sudo usermod -aG ${name} $USER\`, then log in again`);
});

test("a device filter, such as a container's, gives another hint than file permissions", () => {
  const error = kvmError('ERR_KVM_PERMISSION', () => openDevice(failing(EPERM), '/dev/kvm'));
  expect(error.hint).toMatch(/--device \/dev\/kvm/);
  expect(error.hint).not.toMatch(/chmod/);
});

test('a missing device, or one without its module, means that the host has no KVM', () => {
  const absent = kvmError('ERR_KVM_UNAVAILABLE', () => openDevice(failing(ENOENT), '/dev/kvm'));
  expect(absent.message).toMatch(/there is no such device.*modprobe/);
  const empty = kvmError('ERR_KVM_UNAVAILABLE', () => openDevice(failing(ENODEV), '/dev/kvm'));
  expect(empty.message).toMatch(/no kernel module provides the device/);
});

test('an open that fails for too many open files gives that reason, not a missing KVM', () => {
  const error = kvmError('ERR_KVM_SYSCALL', () => openDevice(failing(EMFILE), '/dev/kvm'));
  expect(error.message).toMatch(/opening \/dev\/kvm: EMFILE.*ulimit/);
});
