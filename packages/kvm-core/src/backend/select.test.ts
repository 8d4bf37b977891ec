import { spawnSync } from 'node:child_process';
import { afterEach, expect, test, vi } from 'vitest';
import { KvmError } from '../errors/kvm-error.js';
import { backendNames, selectBackend, tryBackend } from './select.js';

afterEach(() => vi.unstubAllEnvs());

test('the one asked for is chosen', () => {
  for (const name of backendNames) {
    const attempt = tryBackend(name);
    if ('version' in attempt) expect(selectBackend(name).name).toBe(name);
    else expect(() => selectBackend(name)).toThrow(KvmError);
  }
});

test('KVM_BACKEND chooses where nobody asks', () => {
  vi.stubEnv('KVM_BACKEND', 'ffi');
  expect(selectBackend().name).toBe('ffi');
});

test('native is preferred where its binary loads, and ffi serves where it does not', () => {
  vi.stubEnv('KVM_BACKEND', '');
  expect(selectBackend().name).toBe('version' in tryBackend('native') ? 'native' : 'ffi');
});

test('a name that is none is refused with the names there are', () => {
  expect(() => selectBackend('fast')).toThrow(/no backend "fast".*native and ffi/);
  expect(() => tryBackend('toString' as never)).toThrow(/no backend "toString"/);
  const circle: { self?: unknown } = {};
  circle.self = circle;
  for (const name of [1n, circle, Symbol('fast')]) {
    expect(() => selectBackend(name as never)).toThrow(KvmError);
    expect(() => tryBackend(name as never)).toThrow(KvmError);
  }
});

/** Older Node has the permission model under its first name. */
const permission = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission';

test.each([{ flags: ['--no-addons'] }, { flags: [permission, '--allow-fs-read=*'] }])(
  'a process that may load no addons is told so, and not to install anything: $flags',
  ({ flags }) => {
    const built = new URL('../../dist/index.js', import.meta.url).href;
    const program = `const { Kvm } = await import('${built}'); try { Kvm.open(); } catch (error) { console.log(error.code, error.hint); }`;
    const { stdout, stderr } = spawnSync(process.execPath, [...flags, '--input-type=module', '-e', program], {
      encoding: 'utf8',
    });
    expect(stdout, stderr).toMatch(/ERR_KVM_BACKEND .*--allow-addons.*--no-addons/);
  },
);
