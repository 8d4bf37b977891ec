import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { headerSet } from '../../test/header-set.js';
import { noHeaders, systemHeaders, titled, x86 } from '../../test/host.js';
import { buildModel } from './build.js';

function build(kvm: string, others: Record<string, string> = {}) {
  return buildModel(headerSet(kvm, others), x86);
}

describe('records', () => {
  it('are named by their tag, or by the path to them', () => {
    const { records } = build(`
      struct s {
        __u8 a, b;
        union { struct { __u8 c; } in; struct { __u8 d; }; };
        struct { __u8 e; } list[4];
        struct t { __u8 f; } t;
      };`);
    expect(records.map(({ name, tagged }) => [name, tagged])).toEqual([
      ['s', true],
      ['s.#2', false],
      ['s.in', false],
      ['s.#2.#1', false],
      ['s.list', false],
      ['t', true],
    ]);
  });

  it('of other headers are included only where the roots need them', () => {
    const others = {
      'linux/other.h': 'struct needed { __u8 a; };\nstruct unused { __u8 a; };\ntypedef struct { int v; } id_t;',
    };
    const { records } = build('#include <linux/other.h>\nstruct s { struct needed a[2]; id_t b; };', others);
    expect(records.map((record) => [record.name, record.tagged, record.origin.file])).toEqual([
      ['needed', true, 'linux/other.h'],
      ['id_t', false, 'linux/other.h'],
      ['s', true, 'linux/kvm.h'],
    ]);
  });

  it('keep members as the header spells them', () => {
    const [record] = build(
      'enum e { A };\nstruct s { unsigned long a; enum e b; void *c[2]; __u8 d:3; __u64 e[]; };',
    ).records;
    expect(record?.members.map(({ origin, ...member }) => member)).toEqual([
      { name: 'a', offset: 0, type: { kind: 'int', name: 'unsigned long', size: 8, signed: false } },
      { name: 'b', offset: 8, type: { kind: 'enum', name: 'e', size: 4, signed: false } },
      { name: 'c', offset: 16, type: { kind: 'array', element: { kind: 'pointer', size: 8 }, count: 2 } },
      {
        name: 'd',
        offset: 32,
        bits: { offset: 256, width: 3 },
        type: { kind: 'int', name: '__u8', size: 1, signed: false },
      },
      {
        name: 'e',
        offset: 40,
        type: { kind: 'array', element: { kind: 'int', name: '__u64', size: 8, signed: false }, count: null },
      },
    ]);
  });

  it('are found through macros that make members', () => {
    const [record] = build(`
      #define HINT(name) name
      #define FLEX(type, name) struct { struct { } __empty_##name; type name[]; }
      #define GROUP(tag, name, attributes, members...) \\
        union { struct { members } attributes; struct tag { members } attributes name; } attributes
      struct s { __u8 HINT(hidden); GROUP(, both, , __u8 a; __u8 b;); FLEX(__u32, list); };`).records;
    expect(record).toMatchObject({ name: 's', size: 4, members: [{ name: 'hidden' }, { offset: 1 }, { offset: 4 }] });
  });
});

describe('macros', () => {
  it('that give integers are constants, in the order of the text among the enumerators', () => {
    const { constants } = build('#define B A\nenum e {\n#define A A\nA = 3,\n#define C (A + 1)\nD };\n#define E 1');
    expect(constants.map(({ name, value, kind }) => `${name} ${value} ${kind}`)).toEqual([
      'B 3 macro',
      'A 3 enumerator',
      'C 4 macro',
      'D 4 enumerator',
      'E 1 macro',
    ]);
  });

  it('that call _IO, _IOR, _IOW or _IOWR are ioctls, also through an alias', () => {
    const { ioctls, constants } = build(`
      struct s { __u64 a[3]; };
      #define KVMIO 0xAE
      #define NONE _IO(KVMIO, 1)
      #define READ _IOR(KVMIO, 2, struct s)
      #define ALIAS (READ)
      #define WRITE _IOW(KVMIO, 3, __u64)
      #define BOTH _IOWR(KVMIO, 4, unsigned long)
      #define SUM (_IO(KVMIO, 5) + 1)`);
    const found = ioctls.map((ioctl) => [
      ioctl.name,
      ioctl.direction,
      ioctl.nr,
      ioctl.size,
      ioctl.request.toString(16),
    ]);
    expect(found).toEqual([
      ['NONE', 'none', 1, 0, 'ae01'],
      ['READ', 'read', 2, 24, '8018ae02'],
      ['ALIAS', 'read', 2, 24, '8018ae02'],
      ['WRITE', 'write', 3, 8, '4008ae03'],
      ['BOTH', 'readwrite', 4, 8, 'c008ae04'],
    ]);
    expect(ioctls[1]?.argument).toEqual({ kind: 'record', name: 's' });
    expect(constants.map((constant) => constant.name)).toEqual(['KVMIO', 'SUM']);
  });

  it('that are ioctls of a type defined elsewhere are kept without a number', () => {
    const { ioctls, foreignIoctls, skipped } = build('#define ABSENT \\\n  _IOWR(0xAE, 0x1f, struct absent)');
    expect([ioctls, skipped]).toEqual([[], []]);
    expect(foreignIoctls).toMatchObject([
      { name: 'ABSENT', type: 0xae, nr: 0x1f, direction: 'readwrite', argument: 'struct absent' },
    ]);
  });

  it('is not a foreign one if its struct is defined here and the error is another', () => {
    const text = 'struct here { __u8 a; };\n#define A _IOR(ODD, 1, struct here)\n#define B _IOR(1, 2, u64)';
    const { ioctls, foreignIoctls, skipped } = build(text);
    expect([ioctls, foreignIoctls]).toEqual([[], []]);
    expect(skipped.map(({ name }) => name)).toEqual(expect.arrayContaining(['A', 'B']));
  });

  it('that give neither are skipped, each with its reason', () => {
    const { skipped } = build(`
      #define GUARD
      #define CALL(x) x
      #define SELF SELF
      #define TEXT "text"
      #define OTHER (PAGE_SIZE - 1)
      #define FIELD a.b
      #define TYPE struct s
      #define FLOAT 1.5
      enum { SELF };`);
    expect(skipped.map(({ name, reason }) => `${name}: ${reason}`)).toEqual([
      'GUARD: defined as nothing',
      'CALL: stands for its argument, of any type',
      'SELF: stands for the declaration of the same name',
      'TEXT: a string, not an integer',
      'OTHER: PAGE_SIZE is not defined',
      'FIELD: not an integer constant: field expression',
      'TYPE: not an expression',
      'FLOAT: 1.5 is not an integer',
    ]);
  });

  it('that are ioctls of included headers are listed', () => {
    const o = '#include <linux/ioctl.h>\n#define O_GET (_IOR(0xAE, 9, int))\n#define O_ALIAS O_GET\n#define O_NUMBER 1';
    const { ioctls, skipped } = build('#include <linux/o.h>', { 'linux/o.h': o });
    expect(ioctls).toEqual([]);
    expect(skipped).toEqual([
      { name: 'O_GET', reason: 'an ioctl of another header', origin: { file: 'linux/o.h', line: 2 } },
      { name: 'O_ALIAS', reason: 'an ioctl of another header', origin: { file: 'linux/o.h', line: 3 } },
    ]);
  });

  it('of included headers count only through the root headers', () => {
    const { constants } = build('#include <linux/o.h>\n#define OURS THEIRS', { 'linux/o.h': '#define THEIRS 1' });
    expect(constants).toMatchObject([{ name: 'OURS', value: '1', origin: { file: 'linux/kvm.h', line: 4 } }]);
  });
});

describe.skipIf(noHeaders)(titled("the running system's headers", noHeaders), () => {
  it('give the same model each time', () => {
    const build = () => JSON.stringify(buildModel(systemHeaders(), x86));
    expect(build()).toBe(build());
  });

  it('contain what every KVM has', () => {
    const model = buildModel(systemHeaders(), x86);
    const run = model.records.find((record) => record.name === 'kvm_run');
    expect(run).toMatchObject({ size: 2352, align: 8 });
    expect(run?.members.find((member) => member.name === 'immediate_exit')).toMatchObject({ offset: 1 });
    expect(model.records.find((record) => record.name === 'kvm_regs')).toMatchObject({ size: 144 });
    expect(model.ioctls.find((ioctl) => ioctl.name === 'KVM_RUN')).toMatchObject({ request: 0xae80 });
    expect(model.constants.find((constant) => constant.name === 'KVM_API_VERSION')).toMatchObject({ value: '12' });
    // Every name that the header gives to an ioctl, whether or not its argument exists on this architecture.
    const header = readFileSync('/usr/include/linux/kvm.h', 'utf8');
    const names = [...header.replaceAll('\\\n', ' ').matchAll(/^#define\s+(KVM_\w+)\s+_IO[RW]*\(\s*KVMIO/gm)].map(
      ([, name]) => name,
    );
    expect(names.length).toBeGreaterThanOrEqual(153);
    const found = new Set([...model.ioctls, ...model.foreignIoctls].map(({ name }) => name));
    expect(names.filter((name) => !found.has(name as string))).toEqual([]);
    expect(model.constants.length).toBeGreaterThan(600);
  });
});
