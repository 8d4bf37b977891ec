import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { onEachBackend } from './backends.js';

// `.ci/runtimes` runs the same program on the other runtimes.
onEachBackend('garbage collection', (backend) => {
  const after = async (name: string): Promise<string> => {
    const program = new URL('./collected.mjs', import.meta.url).pathname;
    const options = { timeout: 100_000, killSignal: 'SIGKILL' } as const;
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', program, backend, name], options);
    return stdout;
  };

  for (const [claim, name] of Object.entries({
    'leaves a vCPU open while there is a view of its run state': 'views',
    'leaves a vCPU open while somebody has its coalesced ring': 'coalesced',
    'leaves a vCPU open while somebody has its dirty ring': 'dirty',
    'leaves open what was shared and not taken yet': 'shared',
    'leaves a VM open whose vCPUs run, though nobody has more than `running`': 'running',
    'gives back what nobody can reach': 'dropped',
  })) {
    test(claim, { timeout: 100_000 }, async (context) => {
      const seen = await after(name);
      if (seen.startsWith('the host lacks')) context.skip(seen);
      expect(seen).toBe('kept');
    });
  }
});
