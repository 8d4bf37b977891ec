import { describe, expect, it } from 'vitest';
import { noRealHeaders, realHeaders, titled } from '../../test/host.js';
import { buildModel } from '../model/build.js';
import { verify } from '../verify/verify.js';
import { findTarget, findTargets, targetOf, targets } from './index.js';
import { predefinedMacros } from './predefined.js';

describe('targets', () => {
  it('have names and triples of their own', () => {
    expect(new Set(targets.map(({ name }) => name)).size).toBe(targets.length);
    expect(new Set(targets.map(({ target }) => target.triple)).size).toBe(targets.length);
  });

  it('are by default called as the kernel calls the architecture', () => {
    for (const { arch } of targets) expect(findTarget(arch)).toMatchObject({ name: arch, arch });
  });

  it('are listed with commas between them, each once, or all', () => {
    expect(findTargets('arm64, powerpc-be,arm64').map(({ name }) => name)).toEqual(['arm64', 'powerpc-be']);
    expect(findTargets('all')).toEqual(targets);
    expect(() => findTargets('arm64,vax')).toThrow(/unknown architecture 'vax'; known: x86, x86-32, arm64/);
  });

  it('are known by their triples again, for a model has nothing else', () => {
    for (const { name, arch, target } of targets) expect(targetOf({ arch, target }).name).toBe(name);
    const vax = { arch: 'vax', target: { ...findTarget('x86').target, triple: 'vax-linux-gnu' } };
    expect(() => targetOf(vax)).toThrow('a model of vax-linux-gnu (vax), which this magic-gen does not know');
  });

  it('say of 128-bit integers whether there are any', () => {
    expect(predefinedMacros(findTarget('s390'))).toContain('#define __SIZEOF_INT128__ 16\n');
    expect(predefinedMacros(findTarget('x86-32'))).not.toContain('INT128');
  });
});

describe.each(targets)('the real headers for $name', (target) => {
  const reason = noRealHeaders(target);

  it.skipIf(reason)(titled('are modelled as a compiler sees them', reason), async () => {
    for (const headers of realHeaders(target)) {
      const report = await verify(buildModel(headers, target), headers);
      expect(report).toMatchObject({ target: target.name, kernel: headers.kernel, mismatches: [] });
      const others = report.unchecked.filter((each) => each.reason !== 'a bitfield without a name');
      expect(others).toEqual([]);
    }
  });
});
