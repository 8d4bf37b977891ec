import { describe, expect, it } from 'vitest';
import { headerSet } from '../../test/header-set.js';
import { noCompiler, noHeaders, systemHeaders, titled, x86 } from '../../test/host.js';
import { buildModel } from '../model/build.js';
import type { AbiRecord, Member, Model } from '../model/model.js';
import { nameAnonymous } from './anonymous.js';
import { formatReport } from './report.js';
import { verify } from './verify.js';

const header = `
  #define KVMIO 0xAE
  #define NUMBER (1 << 4)
  #define ABSENT (PAGE_SIZE + 1)
  #define CALL KVMIO_CALL(1)
  #define MAKE(n) ((n) | 0x100)
  enum e { FIRST = 7 };
  typedef struct { int v; } id_t;
  struct s {
    __u8 a, b;
    id_t id;
    union { __u32 c[2]; struct { __u8 d:3, e:4; } __attribute__((aligned(2))); };
    struct { void *p; __u64 list[]; } tail;
  };
  #define SET _IOW(KVMIO, 1, struct s)
  #define FAR _IOWR(KVMIO, 2, struct far_away)`;

/** The mismatches that the compiler finds after a change to the model. */
async function mismatches(change: (model: Model) => void): Promise<string[]> {
  const headers = headerSet(header);
  const model = buildModel(headers, x86);
  change(model);
  const report = await verify(model, headers);
  return report.mismatches.map(
    ({ subject, aspect, model: ours, compiler }) => `${subject} ${aspect} ${ours} ${compiler}`,
  );
}

function record(model: Model, name: string): AbiRecord {
  const found = model.records.find((each) => each.name === name);
  if (!found) throw new Error(`no record ${name}`);
  return found;
}

function member(model: Model, of: string, name: string): Member {
  const found = record(model, of).members.find((each) => each.name === name);
  if (!found) throw new Error(`no member ${name}`);
  return found;
}

describe.skipIf(noCompiler)(titled('a compiler', noCompiler), () => {
  it('finds nothing wrong with a model as it is built', async () => {
    expect(await mismatches(() => {})).toEqual([]);
  });

  it.each<[string, (model: Model) => void, string[]]>([
    ['a size', (model) => Object.assign(record(model, 's'), { size: 40 }), ['s size 40 24']],
    ['an alignment', (model) => Object.assign(record(model, 's.tail'), { align: 4 }), ['s.tail alignment 4 8']],
    [
      'a size of an anonymous record',
      (model) => Object.assign(record(model, 's.#3'), { size: 12 }),
      ['s.#3 size 12 8'],
    ],
    ['its alignment', (model) => Object.assign(record(model, 's.#3.#1'), { align: 1 }), ['s.#3.#1 alignment 1 2']],
    ['a kind', (model) => Object.assign(record(model, 's.#3'), { kind: 'struct' }), ['s.#3 kind 12 13']],
    ['an offset', (model) => Object.assign(member(model, 's', 'b'), { offset: 2 }), ['s.b offset 2 1']],
    [
      'an offset of an anonymous record',
      (model) => {
        const anonymous = record(model, 's').members[3];
        Object.assign(anonymous ?? {}, { offset: 12 });
      },
      ['s.#3.c offset 12 8', 's.#3.#1.d bits 96..98 64 65 66', 's.#3.#1.e bits 99..102 67 68 69 70'],
    ],
    [
      'a bitfield',
      (model) => Object.assign(member(model, 's.#3.#1', 'e'), { bits: { offset: 4, width: 4 } }),
      ['s.#3.#1.e bits 68..71 67 68 69 70'],
    ],
    [
      'a length',
      (model) => {
        Object.assign(member(model, 's.#3', 'c').type, { count: 3 });
      },
      ['s.#3.c array size 12 8'],
    ],
    [
      'a sign',
      (model) => {
        Object.assign(member(model, 's', 'a').type, { signed: true });
      },
      ['s.a sign 1 0'],
    ],
    ['a constant', (model) => Object.assign(model.constants[1] ?? {}, { value: '17' }), ['NUMBER value 17 16']],
    [
      'its type',
      (model) => {
        Object.assign(model.constants[1] ?? {}, { type: { size: 8, signed: false, longLong: true } });
      },
      ['NUMBER size 8 4', 'NUMBER sign 0 1', 'NUMBER long long 1 0'],
    ],
    ['an ioctl', (model) => Object.assign(model.ioctls[0] ?? {}, { nr: 2 }), ['SET nr 2 1']],
    [
      'an ioctl of another architecture',
      (model) => Object.assign(model.foreignIoctls[0] ?? {}, { nr: 3 }),
      ['FAR number 3221335555 3221335554', 'FAR nr 3 2'],
    ],
    [
      'the tag of an enum',
      (model) => Object.assign(model.enums[0] ?? {}, { name: 'nonsense' }),
      ["enum nonsense tag present invalid application of 'sizeof' to incomplete type 'enum nonsense'"],
    ],
    [
      'a constant that does not exist',
      (model) => {
        model.constants.push({ ...(model.constants[1] as Model['constants'][0]), name: 'NOWHERE', kind: 'enumerator' });
      },
      ['value', 'size', 'sign', 'long long'].map(
        (aspect) => `NOWHERE ${aspect} present 'NOWHERE' undeclared here (not in a function)`,
      ),
    ],
    [
      'a member that does not exist',
      (model) => {
        Object.assign(member(model, 's', 'b'), { name: 'x' });
      },
      ['offset', 'size', 'sign'].map((aspect) => `s.x ${aspect} present 'struct s' has no member named 'x'`),
    ],
  ])('finds %s that is wrong', async (_, change, expected) => {
    const found = await mismatches(change);
    // Compilers word their messages differently.
    const plain = (text: string): string => text.replace(/ present .*/, ' present');
    expect(found.map(plain)).toEqual(expected.map(plain));
  });

  it.each<[string, (model: Model) => void, string[]]>([
    ['a macro', (model) => model.skipped.splice(0, 1), ['ABSENT macro missing defined']],
    ['an ioctl', (model) => model.ioctls.splice(0, 1), ['SET macro missing defined']],
    ['a function', (model) => model.functions.splice(0, 1), ['MAKE macro missing defined']],
    ['a record', (model) => model.records.splice(1, 1), ['s tag missing defined', 'structs and unions count 4 5']],
    ['an enum', (model) => model.enums.splice(0, 1), ['enums count 0 1']],
    [
      'a constant that was skipped',
      (model) => {
        const [constant] = model.constants.splice(1, 1);
        model.skipped.push({ name: constant?.name ?? '', reason: '', origin: { file: 'linux/kvm.h', line: 1 } });
      },
      ['NUMBER macro skipped an integer constant'],
    ],
  ])('reports %s that is missing from the model', async (_, change, expected) => {
    expect(await mismatches(change)).toEqual(expect.arrayContaining(expected));
  });

  it('lists a function that C defines for no arguments as unchecked', async () => {
    const headers = headerSet('#define KVMIO 0xAE\n#define NEVER(n) ((n) / 0)\n#define ALWAYS(n) ((n) | 1)');
    const { compared, unchecked, mismatches: found } = await verify(buildModel(headers, x86), headers);
    expect(compared.function).toBe(1);
    expect(unchecked).toEqual([{ name: 'NEVER', reason: 'no arguments for which C defines it' }]);
    expect(found).toEqual([]);
  });

  it('finds a function with a wrong value or a wrong type', async () => {
    const headers = headerSet('#define KVMIO 0xAE\n#define MAKE(n, m) (0x100 | (n) << 4 | (m))');
    const model = buildModel(headers, x86);
    expect((await verify(model, headers)).compared.function).toBe(1);
    const [make] = model.functions;
    Object.assign(make?.body ?? {}, { operator: '^' });
    const wrongValues = (await verify(model, headers)).mismatches;
    expect(wrongValues).toContainEqual({
      subject: 'MAKE(0U, 256U)',
      aspect: 'value',
      model: '0',
      compiler: '256',
    });
    Object.assign(make?.body ?? {}, { operator: '|', type: { size: 4, signed: true } });
    const wrongTypes = (await verify(model, headers)).mismatches;
    expect(wrongTypes).toContainEqual({
      subject: 'MAKE(1U, 2U)',
      aspect: 'signed',
      model: 'true',
      compiler: 'false',
    });
  });

  it.skipIf(noHeaders)(titled('agrees with the model of the running system’s headers', noHeaders), async () => {
    const headers = systemHeaders();
    const report = await verify(buildModel(headers, x86), headers);
    expect(report.mismatches).toEqual([]);
    expect(report.unchecked).toEqual([]);
    expect(formatReport(report)).toMatch(/\n0 mismatches\n$/);
  });
});

describe('an anonymous record gets a name', () => {
  it.each([
    ['struct s { union { int a; }; };', 'struct s { union { int a; } magic_0; };'],
    [
      'struct s { struct { struct { int a; }; }; union { int b; } __attribute__((packed)); };',
      'struct s { struct { struct { int a; } magic_0; } magic_0; union { int b; } __attribute__((packed)) magic_1; };',
    ],
    [
      'struct s { struct { int a; } b; struct t { int c; }; enum { E }; };',
      'struct s { struct { int a; } b; struct t { int c; }; enum { E }; };',
    ],
    [
      'typedef struct { int a; } t; struct s *f(int x) { return 0; };',
      'typedef struct { int a; } t; struct s *f(int x) { return 0; };',
    ],
    [
      'struct __attribute__((packed)) s { struct { int a[2]; } ; };',
      'struct __attribute__((packed)) s { struct { int a[2]; }  magic_0; };',
    ],
  ])('%s', (text, expected) => {
    expect(nameAnonymous(text)).toBe(expected);
  });
});
