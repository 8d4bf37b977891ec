import { describe, expect, it } from 'vitest';
import { MagicGenError, NoHeadersError } from '../errors.js';
import { findTarget, type TargetDescription, targets } from '../targets/index.js';
import { headersOf } from './several.js';

/** The targets with headers and those left out, where only some have headers. */
async function run(list: string, having: readonly string[], all?: readonly TargetDescription[]) {
  const [found, lacking]: string[][] = [[], []];
  const headers = ({ name }: TargetDescription) => {
    if (name === 's390') throw new MagicGenError('the disk is broken');
    if (having.includes(name)) return { directories: [], kernel: '6.1' };
    throw new NoHeadersError(`no headers for ${name}`);
  };
  const options = { ...(all && { all }), lacking: ({ name }: TargetDescription) => lacking?.push(name) };
  for await (const { target } of headersOf(list, headers, options)) found?.push(target.name);
  return { found, lacking };
}

const some = ['x86', 'arm64', 'riscv'].map(findTarget);

describe('of several targets', () => {
  it('all named targets must have headers', async () => {
    expect(await run('arm64,x86', ['x86', 'arm64'])).toEqual({ found: ['arm64', 'x86'], lacking: [] });
    await expect(run('x86,arm64', ['x86'])).rejects.toThrow('no headers for arm64');
  });

  it('"all" leaves out the targets without headers, but not every one', async () => {
    expect(await run('all', ['arm64'], some)).toEqual({ found: ['arm64'], lacking: ['x86', 'riscv'] });
    await expect(run('all', [], some)).rejects.toThrow(new NoHeadersError('no headers for x86'));
  });

  it('other errors are not ignored', async () => {
    await expect(run('all', ['x86'], targets)).rejects.toThrow('the disk is broken');
  });
});
