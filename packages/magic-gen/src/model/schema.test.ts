import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { folderForTest } from '../../test/folder.js';
import { noHeaders, realHeaders, titled } from '../../test/host.js';
import { modelOf } from '../../test/model.js';
import { withHistory } from '../history/model.js';
import { targets } from '../targets/index.js';
import { buildModel } from './build.js';
import { problems } from './json-schema.js';
import { MODEL_SCHEMA, type Model } from './model.js';
import { modelSchema, readModel } from './read.js';

const schema = modelSchema();

const everything = [
  '#define KVM_A 1',
  '#define KVM_B(x, y) (((x) ? (y) << 2 : ~(x)) & 0xffULL)',
  '#define KVM_C _IOWR(0xAE, 1, struct s)',
  '#define KVM_D _IOW(0xAE, 2, struct elsewhere)',
  '#define KVM_E "text"',
  'enum e { F = -1 };',
  'enum { G };',
  'struct s { __u8 a:3; __u8 :5; enum e e; void *p; union { __u64 n[2][3]; struct { __u8 x; } y; }; __u8 z[]; };',
].join('\n');

describe('the published schema of the model', () => {
  it('describes everything that a model can contain, on every target', () => {
    for (const target of targets) {
      const model = JSON.parse(JSON.stringify(withHistory(modelOf(everything, target))));
      expect(problems(model, schema, true), target.name).toEqual([]);
    }
  });

  it('rejects what is not a model', () => {
    const model = modelOf(everything);
    const wrong = (change: Partial<Record<keyof Model, unknown>>): string[] =>
      problems({ ...model, ...change }, schema);
    expect(wrong({ schema: MODEL_SCHEMA + 1 })).toEqual(['/schema: not 1']);
    expect(wrong({ kernel: 6.1 })).toContain('/kernel: is number, not string');
    expect(wrong({ ioctls: [{ name: 'KVM_C' }] })).toContain('/ioctls/0: has no request');
    expect(wrong({ knownKernels: ['new'] })).toEqual(['/knownKernels/0: does not match ^\\d+\\.\\d+$']);
    expect(problems({ ...model, more: 1 }, schema, true)).toEqual([': more is not described']);
  });

  it.skipIf(noHeaders)(titled('describes the models of the headers on this host', noHeaders), () => {
    for (const target of targets) {
      for (const headers of realHeaders(target)) {
        const model = JSON.parse(JSON.stringify(withHistory(buildModel(headers, target))));
        expect(problems(model, schema, true), `${target.name}, ${headers.kernel}`).toEqual([]);
      }
    }
  });

  it('is checked when a model is read', () => {
    const path = join(folderForTest(), 'model.json');
    const model = modelOf(everything);
    const read = (value: unknown): Model => {
      writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
      return readModel(path);
    };
    expect(read({ ...model, more: 1 }).records).toEqual(model.records);
    expect(() => read({ ...model, records: [{}] })).toThrow(`${path} is not a model: /records/0: has no name`);
    expect(() => read('{')).toThrow(`${path} is not JSON: `);
    expect(() => read(null)).toThrow(`${path} is not a model: it has no schema`);
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(() => read({ schema: 1, records: value })).toThrow(`${path} is not a model: `);
      }),
    );
  });
});
