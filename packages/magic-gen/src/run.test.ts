import { describe, expect, it } from 'vitest';
import { MissingProgramError, run } from './run.js';

const missing = 'it is needed';
const node = (script: string, input?: string) =>
  run(process.execPath, ['-e', script], { missing, ...(input !== undefined && { input }) });

describe('a program that is run', () => {
  it('reads its input, else nothing', async () => {
    const copy = 'process.stdin.pipe(process.stdout)';
    expect(await node(copy, 'text')).toEqual({ ok: true, stdout: 'text', stderr: '' });
    expect(await node(copy)).toEqual({ ok: true, stdout: '', stderr: '' });
  });

  it('may stop before it has read everything', async () => {
    const script = 'process.stderr.write("enough"); process.exitCode = 1; process.stdin.destroy()';
    expect(await node(script, 'x'.repeat(1 << 24))).toEqual({ ok: false, stdout: '', stderr: 'enough' });
  });

  it('that is not installed is named, and differs from one that fails', async () => {
    await expect(run('/no/such', [], { missing })).rejects.toThrow(MissingProgramError);
    await expect(run('/no/such', [], { missing })).rejects.toThrow('/no/such is not installed: it is needed');
    await expect(node('console.error("No space left on device")')).rejects.not.toThrow(MissingProgramError);
    await expect(node('console.error("No space left on device")')).rejects.toThrow('no space left on the disk');
  });
});
