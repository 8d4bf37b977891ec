import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { folderForTest } from '../../test/folder.js';
import { headerSet } from '../../test/header-set.js';
import { noHeaders, systemHeaders, titled, x86 } from '../../test/host.js';
import { MagicGenError } from '../errors.js';
import { buildModel } from '../model/build.js';
import { formatHistory, historyNamed, parseHistory, readHistory } from './file.js';
import { emptyHistory, firstKernel, type History, historyOf, knownKernels, mergeHistories } from './history.js';
import { withHistory } from './model.js';
import { type Kind, kinds } from './names.js';
import { since } from './since.js';
import { sinceText } from './versions.js';

const kernel = fc.constantFrom('5.10', '6.1', '6.12', '7.2', '7.3');
const names = fc.dictionary(fc.constantFrom('A', 'B', '__proto__', 'toString'), kernel, { noNullPrototype: true });
const firsts = fc.record(Object.fromEntries(kinds.map((kind) => [kind, names])) as Record<Kind, typeof names>);
const history: fc.Arbitrary<History> = fc.record({
  schema: fc.constant(1 as const),
  kernels: fc.dictionary(fc.constantFrom('x86', 'arm64'), fc.uniqueArray(kernel).map(sorted), {
    noNullPrototype: true,
  }),
  common: firsts,
  own: fc.dictionary(fc.constantFrom('x86', 'arm64'), firsts, { noNullPrototype: true }),
});

function sorted(kernels: string[]): string[] {
  return kernels.toSorted(
    (a, b) => Number(a.split('.')[0]) - Number(b.split('.')[0]) || Number(a.split('.')[1]) - Number(b.split('.')[1]),
  );
}

const text = (value: History): string => formatHistory(mergeHistories(emptyHistory, value));

describe('histories', () => {
  it('merge to the same in any order', () => {
    fc.assert(
      fc.property(history, history, history, (a, b, c) => {
        expect(text(mergeHistories(a, b))).toBe(text(mergeHistories(b, a)));
        expect(text(mergeHistories(mergeHistories(a, b), c))).toBe(text(mergeHistories(a, mergeHistories(b, c))));
        expect(text(mergeHistories(a, a))).toBe(text(a));
      }),
    );
  });

  it('never get a later date by merging', () => {
    fc.assert(
      fc.property(history, history, (a, b) => {
        const merged = mergeHistories(a, b);
        for (const [name, first] of Object.entries(a.common.constant)) {
          expect(sorted([first, merged.common.constant[name] ?? ''])[0]).toBe(merged.common.constant[name]);
        }
      }),
    );
  });

  it('are read as they were written', () => {
    fc.assert(
      fc.property(history, (given) => {
        expect(text(parseHistory(formatHistory(given), ''))).toBe(text(given));
      }),
    );
  });

  it('are recognized', () => {
    for (const none of ['', '{}', '[]', '{"schema":2}', '{"schema":1,"kernels":{},"common":{},"own":{}}']) {
      expect(() => parseHistory(none, 'x.json'), none).toThrow(/^x\.json is not /);
    }
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(() => parseHistory(json, 'x.json')).toThrow('x.json is not a history');
      }),
    );
  });
});

describe('a model adds to the history', () => {
  const make = () =>
    buildModel(
      headerSet('#define KVM_CAP_X 1\nstruct s { __u8 a; union { __u8 b; struct { __u8 c; } d; }; };', {
        'asm/kvm.h': 'struct own { __u8 a; };\n',
      }),
      x86,
    );

  it('that its kernel has its names, with members of anonymous records under the enclosing record', () => {
    const { common, own, kernels } = historyOf(make());
    expect(kernels).toEqual({ x86: ['6.1'] });
    expect(Object.keys(common.constant)).toContain('KVM_CAP_X');
    expect(Object.keys(common.record)).toEqual(['s', 's.d']);
    expect(Object.keys(common.member)).toEqual(['s.a', 's.b', 's.d', 's.d.c']);
    expect(own['x86']?.record).toEqual({ own: '6.1' });
  });

  it('and gets its dates from there', () => {
    const model = make();
    const past = mergeHistories(historyOf({ ...model, kernel: '5.10', constants: [] }), historyOf(model));
    const dated = withHistory(model, past);
    expect(dated.knownKernels).toEqual(['5.10', '6.1']);
    expect(dated.constants.find(({ name }) => name === 'KVM_CAP_X')?.since).toBe('6.1');
    expect(dated.records.map((record) => record.since)).toEqual(['5.10', undefined, '5.10', '5.10']);
    expect(firstKernel(past, 'record', 'own', 'arm64')).toBeUndefined();
  });
});

describe('since when', () => {
  it.each([
    ['6.12', ['6.1', '6.12'], 'since Linux 6.12 or earlier'],
    ['6.1', ['6.1', '6.12'], 'since Linux 6.1 or earlier'],
    ['7.3', ['6.12', '7.2', '7.3'], 'since Linux 7.3'],
    ['7.0', ['6.19', '7.0'], 'since Linux 7.0 or earlier'],
  ])('%s with %j known is "%3$s"', (first, known, expected) => {
    expect(sinceText(first, known)).toBe(expected);
  });

  it('the committed history knows for every architecture', () => {
    const committed = historyNamed('kvm');
    expect(Object.keys(committed.kernels)).toEqual(['arm64', 'loongarch', 'mips', 'powerpc', 'riscv', 's390', 'x86']);
    expect(knownKernels(committed)).toEqual(expect.arrayContaining(['5.10', '6.1', '6.12', '7.2', '7.3']));
    expect(since('constant', 'KVM_CAP_USER_MEMORY', 'x86')).toEqual({
      kernel: '5.10',
      text: 'since Linux 5.10 or earlier',
    });
    expect(since('constant', 'KVM_CAP_GUEST_MEMFD', 'arm64')?.kernel).toBe('6.12');
    expect(since('record', 'kvm_regs', 'loongarch')?.kernel).toBe('6.12');
    expect(since('member', 'kvm_run.io.direction', 'x86')?.kernel).toBe('5.10');
    expect(since('ioctl', 'KVM_NO_SUCH', 'x86')).toBeUndefined();
  });

  it('the committed history is formatted as the update writes it', () => {
    const path = new URL('../../history/kvm.json', import.meta.url);
    expect(text(historyNamed('kvm'))).toBe(readFileSync(path, 'utf8'));
  });

  const reason = noHeaders ?? notKnown(systemHeaders().kernel);

  it.skipIf(reason)(
    titled('when every name of this system’s headers came, where their kernel is known', reason),
    () => {
      const model = buildModel(systemHeaders(), x86);
      const known = mergeHistories(emptyHistory, historyNamed('kvm'));
      expect(text(mergeHistories(known, historyOf(model)))).toBe(text(known));
    },
  );
});

function notKnown(kernelHere: string): string | undefined {
  const isKnown = knownKernels(historyNamed('kvm'), 'x86').includes(kernelHere);
  return isKnown ? undefined : `Linux ${kernelHere} is not in the history`;
}

describe('a history that cannot be read', () => {
  it('is an error, except for a new one', () => {
    const path = join(folderForTest(), 'kvm.json');
    expect(() => readHistory(path)).toThrow(`${path} does not exist: it is a part of magic-gen`);
    expect(readHistory(path, emptyHistory)).toBe(emptyHistory);
    // A folder, which cannot be read.
    const folder = folderForTest();
    for (const first of [undefined, emptyHistory]) {
      expect(() => readHistory(folder, first)).toThrow(MagicGenError);
      expect(() => readHistory(folder, first)).toThrow(`${folder} cannot be read: EISDIR`);
    }
  });
});
