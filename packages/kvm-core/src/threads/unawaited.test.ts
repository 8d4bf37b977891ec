import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../test/backends.js';

const program = new URL('../../test/start/unawaited.mjs', import.meta.url).pathname;
const permission = ['--permission', '--experimental-permission'].find((flag) =>
  process.allowedNodeEnvironmentFlags.has(flag),
);

onEachBackend('A process that starts vCPUs', (backend) => {
  test('fails with the error of a handler if it does not await done', { timeout: 60_000 }, () => {
    const { status, stderr } = spawnSync(process.execPath, [program, backend], { encoding: 'utf8' });
    expect(stderr).toContain('a handler returned a value of type number');
    expect(status).toBe(1);
  });

  test('gets an error that names the permission of its Workers', { timeout: 60_000 }, ({ skip }) => {
    if (permission === undefined) return skip('this Node has no permissions');
    const flags = [permission, '--allow-addons', '--allow-fs-read=*'];
    const { stdout, stderr } = spawnSync(process.execPath, [...flags, program, backend, 'caught'], {
      encoding: 'utf8',
    });
    expect(stdout, stderr).toMatch(/^ERR_KVM_HANDLER: .*--allow-worker/);
  });
});
