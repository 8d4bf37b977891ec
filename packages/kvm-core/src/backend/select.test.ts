import { spawnSync } from 'node:child_process';
import { afterEach, expect, test, vi } from 'vitest';
import { KvmError } from '../errors/kvm-error.js';
import { backendNames, selectBackend, tryBackend } from './select.js';

afterEach(() => vi.unstubAllEnvs());

test('the requested backend is chosen', () => {
  for (const name of backendNames) {
    const attempt = tryBackend(name);
    if ('version' in attempt) expect(selectBackend(name).name).toBe(name);
    else expect(() => selectBackend(name)).toThrow(KvmError);
  }
});

test('KVM_BACKEND chooses the backend if none is requested', () => {
  vi.stubEnv('KVM_BACKEND', 'ffi');
  expect(selectBackend().name).toBe('ffi');
});

test('native is preferred if its binary loads, else ffi is used', () => {
  vi.stubEnv('KVM_BACKEND', '');
  expect(selectBackend().name).toBe('version' in tryBackend('native') ? 'native' : 'ffi');
});

test('an unknown name is refused with the list of names', () => {
  expect(() => selectBackend('fast')).toThrow(/no backend "fast".*native and ffi/);
  expect(() => tryBackend('toString' as never)).toThrow(/no backend "toString"/);
  const circle: { self?: unknown } = {};
  circle.self = circle;
  for (const name of [1n, circle, Symbol('fast')]) {
    expect(() => selectBackend(name as never)).toThrow(KvmError);
    expect(() => tryBackend(name as never)).toThrow(KvmError);
  }
});

/** Older Node versions have the permission model behind an experimental flag. */
const permission = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission';

test.each([{ flags: ['--no-addons'] }, { flags: [permission, '--allow-fs-read=*'] }])(
  'the hint names the flag if the process may not load addons: $flags',
  ({ flags }) => {
    const built = new URL('../../dist/index.js', import.meta.url).href;
    const program = `const { Kvm } = await import('${built}');
      try { Kvm.open(); } catch (error) { console.log(error.code, error.hint); }`;
    const { stdout, stderr } = spawnSync(process.execPath, [...flags, '--input-type=module', '-e', program], {
      encoding: 'utf8',
    });
    expect(stdout, stderr).toMatch(/ERR_KVM_BACKEND .*--allow-addons.*--no-addons/);
  },
);
