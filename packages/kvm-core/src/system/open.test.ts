import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { kvmError } from '../../test/errors.js';
import type { Backend } from '../backend/backend.js';
import { openDevice } from './open.js';

const { EACCES, EMFILE, ENODEV, ENOENT, EPERM } = constants.errno;

/** A backend whose every open fails. */
function failing(errno: number): Backend {
  return { open: () => -errno } as unknown as Backend;
}

test('a device that may not be opened is a matter of permission, with what to do', () => {
  const error = kvmError('ERR_KVM_PERMISSION', () => openDevice(failing(EACCES), '/dev/null'));
  expect(error.errno).toBe(EACCES);
  expect(error.hint).toMatch(/chmod 666 \/dev\/null/);
});

test('a device that a filter forbids, as that of a container, is told from one of another owner', () => {
  const error = kvmError('ERR_KVM_PERMISSION', () => openDevice(failing(EPERM), '/dev/kvm'));
  expect(error.hint).toMatch(/--device \/dev\/kvm/);
  expect(error.hint).not.toMatch(/chmod/);
});

test('a device that is not there, or has no module, is a host without KVM', () => {
  const absent = kvmError('ERR_KVM_UNAVAILABLE', () => openDevice(failing(ENOENT), '/dev/kvm'));
  expect(absent.message).toMatch(/there is no such device.*modprobe/);
  const empty = kvmError('ERR_KVM_UNAVAILABLE', () => openDevice(failing(ENODEV), '/dev/kvm'));
  expect(empty.message).toMatch(/no module stands behind the device/);
});

test('a process with too many files open is told so, and not that there is no KVM', () => {
  const error = kvmError('ERR_KVM_SYSCALL', () => openDevice(failing(EMFILE), '/dev/kvm'));
  expect(error.message).toMatch(/opening \/dev\/kvm: EMFILE.*ulimit/);
});
