import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { modelOf } from '../../test/model.js';
import { findTarget } from '../targets/index.js';
import { mergeRows } from './merge.js';
import { show } from './show.js';
import { similarNames } from './suggest.js';

const struct = [
  'struct s {',
  '  __u8 first;',
  '  __u32 second[2];',
  '  union {',
  '    struct { __u8 low:3; __u8 high:2; } io;',
  '    __u64 whole;',
  '  };',
  '  unsigned long word;',
  '  __u8 last;',
  '};',
].join('\n');

const on = (text: string, ...names: string[]) =>
  names.map((name) => ({ heading: name, model: modelOf(text, findTarget(name)) }));

describe('a struct is shown', () => {
  it('with its holes, unions and nested records, side by side', () => {
    expect(show('struct s', on(struct, 'x86', 'x86-32'))).toBe(
      [
        'struct s, linux/kvm.h, Linux 6.1',
        '                     x86    size  x86-32    size',
        '__u8 first             0       1       0       1',
        '(hole)                 1       3       1       3',
        '__u32 second[2]        4       8       4       8',
        '(hole)                12       4',
        'union                 16       8      12       8',
        '  struct io           16       1      12       1',
        '    __u8 low        16.0  3 bits    12.0  3 bits',
        '    __u8 high       16.3  2 bits    12.3  2 bits',
        '    (hole)          16.5  3 bits    12.5  3 bits',
        '  __u64 whole         16       8      12       8',
        'unsigned long word    24       8      20       4',
        '__u8 last             32       1      24       1',
        '(hole)                33       7      25       3',
        'size                          40              28',
        'aligned to                     8               4',
        '',
      ].join('\n'),
    );
  });

  it('with only the members that an architecture has', () => {
    const text = 'struct s {\n__u32 a;\n#ifdef __aarch64__\n__u32 b;\n#endif\n__u32 c;\n};';
    const lines = show('s', on(text, 'x86', 'arm64')).split('\n');
    expect(lines.slice(2, 5)).toEqual([
      '__u32 a       0     4      0     4',
      '__u32 b                    4     4',
      '__u32 c       4     4      8     4',
    ]);
  });

  it('with the date of later members', () => {
    const [shown] = on('struct s { __u8 a; __u8 b; };', 'x86');
    if (!shown) throw new Error('nothing to show');
    const [record] = shown.model.records;
    const dated = {
      ...shown.model,
      knownKernels: ['6.1', '7.2', '7.3'],
      records: [
        {
          ...record,
          since: '6.1',
          members: record?.members.map((m) => ({ ...m, since: m.name === 'b' ? '7.3' : '6.1' })),
        },
      ],
    } as typeof shown.model;
    const text = show('s', [{ ...shown, model: dated }]);
    expect(text).toMatch(/^struct s, linux\/kvm\.h, Linux 6\.1, since Linux 6\.1 or earlier\n/);
    expect(text).toMatch(/\n__u8 a +0 +1\n__u8 b +1 +1 {2}since Linux 7\.3\n/);
  });
});

describe('a name is shown', () => {
  it('of an ioctl, with what all share once and what differs side by side', () => {
    const text = show('KVM_X', on('#define KVM_X _IOR(0xAE, 1, unsigned long)', 'x86', 'x86-32'));
    expect(text).toMatch(/^ioctl KVM_X, linux\/kvm\.h, Linux 6\.1\n/);
    expect(text).toMatch(/\nargument +unsigned long\n/);
    expect(text).toMatch(/ +x86 +x86-32\nrequest +0x8008ae01 +0x8004ae01\nsize +8 +4\n$/);
  });

  it('of a constant, with its C type', () => {
    expect(show('KVM_CAP_SPLIT_IRQCHIP', on('#define KVM_CAP_SPLIT_IRQCHIP 121', 'x86'))).toBe(
      [
        'macro KVM_CAP_SPLIT_IRQCHIP, linux/kvm.h, Linux 6.1',
        'value          121',
        'hex            0x79',
        'C type         int',
        'architectures  x86',
        'enabled on     vm',
        '',
      ].join('\n'),
    );
  });

  it('of a function', () => {
    expect(show('F', on('#define F(x) ((x) << 1)', 'x86'))).toMatch(/\ndefinition +\(\(x\) << 1\)\n$/);
  });

  it('that is unknown, with a suggestion', () => {
    expect(() => show('kvm_rum', on('struct kvm_run { __u8 a; };', 'x86'))).toThrow(
      "no struct, ioctl, constant or function 'kvm_rum'; is it kvm_run?",
    );
    expect(() => show('nothing', on('', 'x86'))).toThrow(/'nothing'$/);
  });
});

describe('its parts', () => {
  it('keep every row of every column once, each column in its own order', () => {
    const keys = fc.uniqueArray(fc.constantFrom<string[]>('a', 'b', 'c', 'd', 'e'));
    fc.assert(
      fc.property(fc.array(keys, { minLength: 1 }), (columns) => {
        const merged = mergeRows(columns.map((column) => column.map((key) => ({ key })))).map(({ key }) => key);
        expect(merged.toSorted()).toEqual([...new Set(columns.flat())].toSorted());
        expect(merged.filter((key) => columns[0]?.includes(key))).toEqual(columns[0]);
      }),
    );
  });

  it('recognize a word that is one letter off', () => {
    expect(similarNames('KVM_GET_RGES', ['KVM_RUN', 'KVM_GET_REGS'])).toEqual(['KVM_GET_REGS']);
  });
});
