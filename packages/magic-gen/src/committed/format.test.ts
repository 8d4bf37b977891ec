import { expect, test } from 'vitest';
import { modelOf } from '../../test/model.js';
import { withHistory } from '../history/model.js';
import { findInterface } from '../interfaces/interfaces.js';
import { formatModel, modelBeginning } from './format.js';
import { modelFiles } from './models.js';

const aModel = () =>
  modelOf(
    ['#define KVM_CAP_USER_MEMORY 3', 'enum e { A, B };', 'struct s { __u8 a[2]; union { __u32 b; }; };'].join('\n'),
  );

test('a model is JSON with one declaration, or one member, on each line', () => {
  const model = aModel();
  const text = formatModel(model);
  expect(JSON.parse(text)).toEqual(model);
  expect(text.startsWith(modelBeginning)).toBe(true);
  for (const [start, names] of [
    ['{"name":"KVM_CAP_USER_MEMORY"', 1],
    ['{"name":"a"', 1],
    ['{"name":null', 1],
    ['{"name":"b"', 1],
    ['{"name":"e","members":["A","B"]', 1],
  ] as const) {
    expect(text.split('\n').filter((line) => line.startsWith(start))).toHaveLength(names);
  }
});

test('a model is committed without its history, which has a file of its own', () => {
  const model = aModel();
  const dated = withHistory(model);
  expect(dated.constants[0]?.since).toBe('5.10');
  expect(modelFiles(findInterface('kvm'), new Map([['x86', dated]])).get('x86.json')).toBe(formatModel(model));
});
