import { expect, test } from 'vitest';
import { writeReport } from '../guest/report.js';
import { Results } from './results.js';
import { table } from './table.js';

const file = '/checkout/packages/kvm-core/src/a.test.js';
const other = '/checkout/packages/kvm-core/conformance/b.test.js';

function results(): Results {
  const heard = new Results();
  const said = 'a thing (ffi): skipped, there is no such thing\n';
  const reports = [
    writeReport({ kind: 'taken', file }),
    writeReport({ kind: 'file', file, said }),
    writeReport({ kind: 'begin', file, name: 'a thing (native) > works' }),
    writeReport({ kind: 'end', file, name: 'a thing (native) > works', state: 'passed', milliseconds: 12 }),
    writeReport({ kind: 'end', file, name: 'a thing (ffi) > works', state: 'skipped', milliseconds: 0 }),
    'what a test prints\n',
    writeReport({ kind: 'done', file }),
    writeReport({ kind: 'taken', file: other }),
    writeReport({ kind: 'file', file: other, said: '' }),
    writeReport({ kind: 'begin', file: other, name: 'another > fails' }),
  ];
  const bytes = Buffer.from(reports.join(''));
  // In pieces of any length, as output arrives.
  const printed = [heard.add(bytes.subarray(0, 100)), heard.add(bytes.subarray(100))].join('');
  expect(printed).toBe('what a test prints');
  return heard;
}

test('a skipped test has the reason that was printed for it', () => {
  const [, skipped] = results().tests;
  expect(skipped).toMatchObject({ state: 'skipped', why: 'there is no such thing' });
});

test('so has one of a group within another', () => {
  const heard = new Results();
  for (const report of [
    { kind: 'file', file, said: 'with KVM: skipped, there is none\n' },
    { kind: 'end', file, name: 'a bundle > with KVM > runs', state: 'skipped', milliseconds: 0 },
    { kind: 'end', file, name: 'a bundle > without KVM > runs', state: 'skipped', milliseconds: 0 },
  ] as const) {
    heard.add(Buffer.from(writeReport(report)));
  }
  expect(heard.tests.map(({ why }) => why)).toEqual(['there is none', undefined]);
});

test('the test that ran when the machine ended has failed, and its file is not run again', () => {
  const heard = results();
  expect([...heard.ended]).toEqual([file]);
  expect(heard.giveUp('QEMU was killed')).toBe(true);
  expect(heard.tests.at(-1)).toMatchObject({
    file: other,
    name: 'another > fails',
    state: 'failed',
    why: 'QEMU was killed',
  });
  expect([...heard.ended]).toEqual([file, other]);
});

test('a machine in which nothing began lost nothing', () => {
  const heard = new Results();
  expect(heard.giveUp('it did not boot')).toBe(false);
  expect(heard.tests).toEqual([]);
});

test('a file that ends the machine while it is loaded has failed', () => {
  const heard = new Results();
  heard.add(Buffer.from(writeReport({ kind: 'taken', file })));
  expect(heard.giveUp('it panicked')).toBe(true);
  expect(heard.tests).toMatchObject([{ file, name: '(while it was loaded)', state: 'failed', why: 'it panicked' }]);
});

test('the table has a line for each suite and backend, and the reasons under it', () => {
  const heard = results();
  heard.giveUp('QEMU was killed');
  const machines = [{ architecture: 'x86', kernel: '6.12.118', seconds: 1, tests: heard.tests }];
  expect(table(machines).split('\n')).toEqual([
    'suite        architecture  kernel    backend  passed  failed  skipped',
    'behaviour    x86           6.12.118  native        1       0        0',
    'behaviour    x86           6.12.118  ffi           0       0        1',
    '    1 skipped: there is no such thing',
    'conformance  x86           6.12.118  either        0       1        0',
  ]);
});
