import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noHeaders, systemHeaders, titled, x86 } from '../../test/host.js';
import { modelOf } from '../../test/model.js';
import { buildModel } from '../model/build.js';
import { findTarget } from '../targets/index.js';
import { isCompatible } from './change.js';
import { diffModels } from './diff.js';
import { formatJson, formatMarkdown, formatText } from './format.js';

/** What changed from one text to another: "removed constant A", with an exclamation mark if it is incompatible. */
function changes(before: string, after: string): string[] {
  const { changes: found } = diffModels(modelOf(before), modelOf(after));
  return found.map(({ change, kind, name, compatible }) => `${change} ${kind} ${name}${compatible ? '' : '!'}`);
}

describe('an addition is compatible, a removal is not', () => {
  it.each([
    ['#define KVM_A 1', 'constant KVM_A'],
    ['#define KVM_CAP_A 1', 'capability KVM_CAP_A'],
    ['#define KVM_EXIT_A 1', 'exit reason KVM_EXIT_A'],
    ['#define KVM_A _IO(0xAE, 1)', 'ioctl KVM_A'],
    ['#define KVM_A(x) ((x) + 1)', 'function KVM_A'],
    ['struct a { __u8 b; };', 'struct a'],
  ])('%s', (text, what) => {
    expect(changes('', text)).toEqual([`added ${what}`]);
    expect(changes(text, '')).toEqual([`removed ${what}!`]);
  });
});

describe('a constant', () => {
  it('is renumbered, or retyped where bindings represent it differently', () => {
    expect(changes('#define A 1', '#define A 2')).toEqual(['renumbered constant A!']);
    expect(changes('#define A 1', '#define A 1ULL')).toEqual(['retyped constant A!']);
    expect(changes('#define A 1', '#define A (0 + 1)')).toEqual([]);
  });

  it('that counts an enum grows with it', () => {
    expect(changes('enum { A, A_MAX };', 'enum { A, B, A_MAX };')).toEqual([
      'grown constant A_MAX',
      'added constant B',
    ]);
    expect(changes('enum { A, B, A_MAX };', 'enum { A, A_MAX };')).toEqual([
      'renumbered constant A_MAX!',
      'removed constant B!',
    ]);
    expect(changes('enum { A, B };', 'enum { A, C, B };')).toEqual(['renumbered constant B!', 'added constant C']);
  });
});

describe('a struct', () => {
  const ioctl = '#define KVM_A _IOW(0xAE, 1, struct a)';

  it('that grows at its end only breaks the ioctl whose number contains its size', () => {
    const before = 'struct a { __u32 b; };';
    const after = 'struct a { __u32 b; __u32 c; };';
    expect(changes(before, after)).toEqual(['grown struct a', 'added member a.c']);
    expect(changes(`${before}\n${ioctl}`, `${after}\n${ioctl}`)).toContain('renumbered ioctl KVM_A!');
  });

  it('that grows moves later members and the elements of an array', () => {
    const outer = 'struct o { struct a first; __u32 last; }; struct p { __u32 n; struct a all[]; };';
    expect(changes(`struct a { __u32 b; }; ${outer}`, `struct a { __u32 b; __u32 c; }; ${outer}`)).toEqual([
      'moved member o.last!',
      'retyped member p.all!',
      'grown struct a',
      'grown struct o',
      'added member a.c',
      'grown member o.first',
    ]);
  });

  it('may use up its padding', () => {
    const before = 'struct a { __u32 b; __u32 pad; __u8 reserved[8]; };';
    const after = 'struct a { __u32 b; __u32 flags; __u8 reserved[4]; __u32 c; };';
    expect(changes(before, after)).toEqual([
      'added member a.c',
      'added member a.flags',
      'removed member a.pad',
      'shrunk member a.reserved',
    ]);
  });

  it('has members that move, change their type, or are removed', () => {
    expect(changes('struct a { __u32 b; __u32 c; };', 'struct a { __u32 c; __u32 b; };')).toEqual([
      'moved member a.b!',
      'moved member a.c!',
    ]);
    expect(changes('struct a { __u32 b; };', 'struct a { __s32 b; };')).toEqual(['retyped member a.b!']);
    expect(changes('struct a { __u32 b; };', 'struct a { unsigned int b; };')).toEqual([]);
    expect(changes('struct a { __u32 b; };', 'struct a { __u32 c; };')).toEqual([
      'removed member a.b!',
      'added member a.c',
    ]);
    expect(changes('struct a { __u8 b:3; __u8 c:5; };', 'struct a { __u8 b:4; __u8 c:4; };')).toEqual([
      'retyped member a.b!',
      'moved member a.c!',
      'retyped member a.c!',
    ]);
  });

  it('is the same if only its anonymous records changed, or the spelling of a flexible array', () => {
    const before = 'struct a { __u32 b; __u32 c; __u8 d[0]; };';
    expect(changes(before, 'struct a { __u32 b; union { __u32 c; }; __u8 d[]; };')).toEqual([]);
  });
});

describe('two models', () => {
  it('of different targets cannot be compared', () => {
    const other = modelOf('', findTarget('arm64'));
    expect(() => diffModels(modelOf(''), other)).toThrow('these models are of different targets');
  });

  const text = fc
    .uniqueArray(
      fc.constantFrom(
        '#define KVM_CAP_A 1',
        '#define KVM_EXIT_B 2',
        '#define KVM_C _IOR(0xAE, 1, __u32)',
        'struct d { __u8 a; __u8 b[2]; };',
        'struct e { __u8 a; __u8 pad[3]; };',
        'enum { F, F_MAX };',
      ),
    )
    .map((lines) => lines.join('\n'));

  it('that are the same have no difference', () => {
    fc.assert(
      fc.property(text, (a) => {
        expect(changes(a, a)).toEqual([]);
      }),
      { numRuns: 20 },
    );
  });

  it('gain in one direction what they lose in the other', () => {
    const names = (a: string, b: string, change: string): string[] =>
      diffModels(modelOf(a), modelOf(b))
        .changes.filter((each) => each.change === change)
        .map(({ name }) => name)
        .sort();
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(names(a, b, 'added')).toEqual(names(b, a, 'removed'));
      }),
      { numRuns: 40 },
    );
  });

  it.skipIf(noHeaders)(titled('of the running system differ only by the change that is made', noHeaders), () => {
    const build = () => buildModel(systemHeaders(), x86);
    const [before, after] = [build(), build()];
    expect(diffModels(before, after).changes).toEqual([]);
    const version = after.constants.findIndex(({ name }) => name === 'KVM_API_VERSION');
    after.constants.splice(version, 1);
    expect(diffModels(before, after).changes).toMatchObject([
      { change: 'removed', kind: 'constant', name: 'KVM_API_VERSION', compatible: false },
    ]);
  });
});

describe('a difference is printed', () => {
  const before = 'struct a { __u32 b; };\n#define KVM_CAP_A 1';
  const diff = () => diffModels(modelOf(before), modelOf('struct a { __u32 b; __u32 c; };'));

  it('as text, incompatible changes first', () => {
    expect(formatText([diff()])).toBe(
      [
        'Linux 6.1 to 6.1, x86 (x86_64-linux-gnu)',
        'incompatible',
        '  removed     capability   KVM_CAP_A  was 1',
        'compatible',
        '  grown       struct       a          4 bytes -> 8 bytes',
        '  added       member       a.c        __u32 at 4, 4 bytes',
        '1 incompatible, 2 compatible',
        '',
      ].join('\n'),
    );
    expect(formatText([diffModels(modelOf(''), modelOf(''))])).toMatch(/\nno difference\n$/);
  });

  it('as Markdown', () => {
    expect(formatMarkdown([diff()])).toContain('### Incompatible\n\n| change | what | name | |\n|---|---|---|---|\n');
    expect(formatMarkdown([diff()])).toContain('| removed | capability | `KVM_CAP_A` | was 1 |\n');
  });

  it('as JSON', () => {
    const [printed] = JSON.parse(formatJson([diff()]));
    expect(printed).toMatchObject({ schema: 1, compatible: false, arch: 'x86', from: '6.1', to: '6.1' });
    expect(printed.changes).toEqual(diff().changes);
    expect(isCompatible(diff())).toBe(false);
  });
});
