import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { onEachBackend } from './backends.js';

onEachBackend('garbage collection', (backend) => {
  const after = async (name: string): Promise<unknown> => {
    const program = new URL('./collected.mjs', import.meta.url).pathname;
    const options = { timeout: 100_000, killSignal: 'SIGKILL' } as const;
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', program, backend, name], options);
    return JSON.parse(stdout);
  };
  const timeout = 100_000;

  test('leaves a vCPU open while there is a view of its run state', { timeout }, async () => {
    const expected = { exit: 0x10, io: 0x10, data: 0x5a, kvmRun: 2, bytes: true, syncRegs: 1 };
    expect(await after('views')).toEqual(expected);
  });

  test('leaves a vCPU open while its coalesced ring is referenced', { timeout }, async (context) => {
    const seen = await after('coalesced');
    if (seen === 'lacking') context.skip('the host lacks KVM_CAP_COALESCED_PIO');
    expect(seen).toEqual([0x10, 0x5a]);
  });

  test('leaves a vCPU open while its dirty ring is referenced', { timeout }, async (context) => {
    const seen = await after('dirty');
    if (seen === 'lacking') context.skip('the host lacks KVM_CAP_DIRTY_LOG_RING');
    expect(seen).toBe(true);
  });

  test('leaves open what was shared but not taken yet', { timeout }, async () => {
    expect(await after('shared')).toEqual([7, 1]);
  });

  test('leaves a VM open whose vCPUs run, even if only `running` is referenced', { timeout }, async () => {
    expect(await after('running')).toEqual(['exit', true]);
  });

  test('releases unreachable objects', { timeout }, async () => {
    expect(await after('dropped')).toEqual([true, true]);
  });
});
