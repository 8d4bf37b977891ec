import { describe, expect, test } from 'vitest';
import { modelOf } from '../../test/model.js';
import { findTarget } from '../targets/index.js';
import { commonOf, emitCommon } from './common.js';
import { emit } from './emit.js';
import { withinCore } from './output.js';

/** Two little-endian architectures that differ in some declarations, and a big-endian one. */
function common() {
  const little = modelOf(`
    #define SAME 1
    #define OTHER 2
    struct leaf { __u32 value; };
    struct holder { struct leaf leaf; };
    struct different { __u32 a; };
    struct user { struct different member; };
    struct own { struct leaf leaf; };
  `);
  const alike = {
    ...modelOf(`
      #define SAME 1
      #define OTHER 3
      struct leaf { __u32 value; };
      struct holder { struct leaf leaf; };
      struct different { __u64 a; };
      struct user { struct different member; };
    `),
    arch: 'arm64',
  };
  const big = { ...little, arch: 's390', target: findTarget('s390').target };

  const { files, names } = emitCommon([little, alike, big], withinCore);
  const whole = { ...withinCore, common: { names: commonOf(little, names), folder: '../generic' } };
  return { little, big, files, names, whole };
}

describe('what architectures have in common', () => {
  test('is each declaration that all have with the same text', () => {
    const { files, names } = common();
    expect(names.get('constants.ts')).toEqual(new Set(['SAME']));
    expect(files.get('constants.ts')).toContain('export const SAME = 1;');
    expect(files.get('constants.ts')).not.toContain('OTHER');
  });

  test('contains no struct with a member that only looks the same', () => {
    const { names } = common();
    expect(names.get('structs.ts')).toEqual(new Set(['Leaf', 'Holder']));
  });

  test('contains no struct of a big-endian architecture', () => {
    const { little, big, names } = common();
    expect([...commonOf(big, names).keys()]).not.toContain('structs.ts');
    expect([...commonOf(little, names).keys()]).toContain('structs.ts');
  });

  test('is exported again by each architecture, which declares the rest', () => {
    const { little, whole } = common();
    const constants = emit(little, whole).get('constants.ts');
    expect(constants).toContain("export * from '../generic/constants.js';\n\n/** `OTHER`");
    expect(constants).not.toContain('SAME');
    const structs = emit(little, whole).get('structs.ts');
    expect(structs).toContain(
      "import { Leaf } from '../generic/structs.js';\n\nexport * from '../generic/structs.js';",
    );
    expect(structs?.match(/^export class \w+/gm)).toEqual([
      'export class Different',
      'export class User',
      'export class Own',
    ]);
  });
});
