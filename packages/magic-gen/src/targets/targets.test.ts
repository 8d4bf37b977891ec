import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { noRealHeaders, realHeaders, titled, without, x86 } from '../../test/host.js';
import { buildModel } from '../model/build.js';
import { compilerAnswers } from '../preprocess/builtins.js';
import { verify } from '../verify/verify.js';
import { findTarget, findTargets, type TargetDescription, targetOf, targets } from './index.js';
import { builtinNames, predefinedMacros } from './predefined.js';

describe('targets', () => {
  it('have names and triples of their own', () => {
    expect(new Set(targets.map(({ name }) => name)).size).toBe(targets.length);
    expect(new Set(targets.map(({ target }) => target.triple)).size).toBe(targets.length);
  });

  it('have the kernel’s name for the architecture by default', () => {
    for (const { arch } of targets) expect(findTarget(arch)).toMatchObject({ name: arch, arch });
  });

  it('are listed with commas, each once, or all', () => {
    expect(findTargets('arm64, powerpc-be,arm64').map(({ name }) => name)).toEqual(['arm64', 'powerpc-be']);
    expect(findTargets('all')).toEqual(targets);
    expect(() => findTargets('arm64,vax')).toThrow(/unknown architecture 'vax'; known: x86, x86-32, arm64/);
  });

  it('are found by their triples, which is all a model has', () => {
    for (const { name, arch, target } of targets) expect(targetOf({ arch, target }).name).toBe(name);
    const vax = { arch: 'vax', target: { ...findTarget('x86').target, triple: 'vax-linux-gnu' } };
    expect(() => targetOf(vax)).toThrow('a model of vax-linux-gnu (vax), which this magic-gen does not know');
  });

  it('say whether there are 128-bit integers', () => {
    expect(predefinedMacros(findTarget('s390'))).toContain('#define __SIZEOF_INT128__ 16\n');
    expect(predefinedMacros(findTarget('x86-32'))).not.toContain('INT128');
  });
});

const noClang19 = without('clang-19');

describe.skipIf(noClang19)(titled('clang 19', noClang19), () => {
  const clang = (target: TargetDescription, source: string, ...options: string[]): string => {
    const args = [`--target=${target.target.triple}`, '-std=gnu11', ...options, '-E', '-x', 'c', '-'];
    return spawnSync('clang-19', args, { encoding: 'utf8', input: source }).stdout;
  };

  // `vitest run -u` writes the files again, for a newer clang.
  it.each(targets)('predefines for $name what predefined/$name.h has', async (target) => {
    const lines = clang(target, '', '-dM').trim().split('\n').sort();
    // No header asks for the exact build of clang.
    const plain = lines.map((line) =>
      line
        .replace(/(__VERSION__|__clang_version__) .*/, '$1 "19"')
        .replace(/(__clang_minor__|__clang_patchlevel__) .*/, '$1 1'),
    );
    await expect(`${plain.join('\n')}\n`).toMatchFileSnapshot(`../../predefined/${target.name}.h`);
  });

  it('knows each built-in name', () => {
    const source = builtinNames.map((name) => `#ifdef ${name}\nknown\n#endif\n`).join('');
    expect(clang(x86, source).match(/^known$/gm)?.length).toBe(builtinNames.length);
  });

  it('gives the recorded answers to questions about itself', () => {
    const asked = Object.entries(compilerAnswers).flatMap(([question, answers]) =>
      Object.entries(answers).map(([name, answer]) => ({ question, name, answer })),
    );
    for (const target of targets) {
      const source = asked.map(({ question, name }) => `#if ${question}(${name})\nyes\n#else\nno\n#endif\n`).join('');
      const found = clang(target, source).match(/^(?:yes|no)$/gm) ?? [];
      const answered = asked.map((each, index) => ({ ...each, answer: found[index] === 'yes' }));
      expect(answered).toEqual(asked);
    }
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
