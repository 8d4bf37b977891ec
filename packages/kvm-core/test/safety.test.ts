import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { onEachBackend } from './backends.js';

/** How long each backend is called at random: longer where somebody looks for trouble. */
const seconds = Number(process.env['KVM_SAFETY_SECONDS'] ?? 20);
const seed = Number(process.env['KVM_TEST_SEED'] ?? Date.now() % 2 ** 31);

onEachBackend('arbitrary calls with arbitrary arguments', (backend) => {
  test('throw only KvmErrors, and release every descriptor', {
    timeout: (seconds + 120) * 1000,
  }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kvm-safety-'));
    const log = join(folder, 'calls');
    const program = new URL('./safety/child.mjs', import.meta.url).pathname;
    const child = spawn(process.execPath, [program, backend, String(seconds), String(seed)], {
      stdio: ['ignore', 'inherit', 'pipe', openSync(log, 'w')],
    });
    const patience = setTimeout(() => child.kill('SIGKILL'), (seconds + 100) * 1000);
    let errors = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    const [status, signal] = (await once(child, 'close')) as [number | null, string | null];
    clearTimeout(patience);
    const calls = readFileSync(log, 'utf8').trimEnd().split('\n');
    rmSync(folder, { recursive: true });
    const story = `seed ${seed}; the last calls:\n${calls.slice(-40).join('\n')}\n${errors}`;
    expect({ status, signal }, story).toEqual({ status: 0, signal: null });
    expect(calls.length).toBeGreaterThan(100);
  });
});
