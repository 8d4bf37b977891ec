import { expect, test } from 'vitest';
import { runProgram } from './program-run.js';

const missing = 'it is what the test is about';

test('a program gets its input and returns its output and result', async () => {
  const { ok, stdout, stderr } = await runProgram('sh', ['-c', 'cat; echo e >&2; exit 1'], {
    input: Buffer.from('i'),
    missing,
  });
  expect({ ok, stdout: stdout.toString(), stderr }).toEqual({ ok: false, stdout: 'i', stderr: 'e\n' });
});

test('an error for a missing program names it and its purpose', async () => {
  await expect(runProgram('no-such-program', [], { missing })).rejects.toThrow(
    `no-such-program is not installed: ${missing}`,
  );
});

test('a full disk is reported in one sentence', async () => {
  const full = runProgram('sh', ['-c', 'echo "tar: x: Cannot write: No space left on device" >&2; exit 2'], {
    missing,
  });
  await expect(full).rejects.toThrow('sh: no space left on the disk');
});
