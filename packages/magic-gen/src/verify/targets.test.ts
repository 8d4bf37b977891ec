import { describe, expect, it } from 'vitest';
import { headerSet } from '../../test/header-set.js';
import { compiledTargets, noCompiler, titled, x86 } from '../../test/host.js';
import { NoHeadersError } from '../errors.js';
import type { HeaderSet } from '../headers/find.js';
import type { TargetDescription } from '../targets/index.js';
import { verifyTargets } from './targets.js';

const text = 'struct s { __u8 a; __u64 b; };\n#define F(n) ((n) | 1ULL)';

/** The output, where only some targets have headers. */
async function run(list: string, having: readonly string[]): Promise<string> {
  let written = '';
  const set = headerSet(text);
  const headers = ({ name }: TargetDescription): HeaderSet => {
    if (having.includes(name)) return set;
    throw new NoHeadersError(`no headers for ${name}`);
  };
  await verifyTargets({ list, headers, write: (more) => (written += more) });
  return written;
}

describe.skipIf(noCompiler)(titled('several targets', noCompiler), () => {
  it('have their own counts under their names, and one common last line', async () => {
    const names = compiledTargets()
      .slice(0, 3)
      .map(({ name }) => name);
    const written = await run(names.join(','), names);
    const titles = [...written.matchAll(/^target +(\S+) \((\S+)\), Linux 6\.1$/gm)].map((match) => match[1]);
    expect(titles).toEqual(names);
    expect(written.match(/^functions {3}1$/gm)).toHaveLength(names.length);
    expect(written).toMatch(/\n0 mismatches\n$/);
  });

  it('are all that the headers have; the others are named', async () => {
    const written = await run('all', ['x86']);
    expect(written).toContain(`target      x86 (${x86.target.triple}), Linux 6.1\n`);
    expect(written).toContain('target      mips: not in these headers\n');
    expect(written).toMatch(/\n0 mismatches\n$/);
  });

  it('must have headers if named, and at least one must', async () => {
    await expect(run('x86,mips', ['x86'])).rejects.toThrow('no headers for mips');
    await expect(run('all', [])).rejects.toThrow('no headers for x86');
  });
});
