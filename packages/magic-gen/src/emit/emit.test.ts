import { describe, expect, test } from 'vitest';
import type { AbiRecord, Constant, ForeignIoctl, Ioctl, Model, TypeRef } from '../model/model.js';
import { findTarget } from '../targets/index.js';
import { emitConstants, literal } from './constants.js';
import { emit } from './emit.js';
import { emitEnums } from './enums.js';
import { emitGroups, groupNames } from './groups.js';
import { emitForeignIoctls, emitIoctls } from './ioctls.js';
import { camel, pascal } from './names.js';
import { emitStructs } from './structs.js';

const origin = { file: 'linux/kvm.h', line: 7 };
const u8: TypeRef = { kind: 'int', name: '__u8', size: 1, signed: false };
const u32: TypeRef = { kind: 'int', name: '__u32', size: 4, signed: false };
const u64: TypeRef = { kind: 'int', name: '__u64', size: 8, signed: false };

function constant(name: string, value: string, longLong = false): Constant {
  return { name, value, type: { size: longLong ? 8 : 4, signed: true, longLong }, kind: 'macro', origin };
}

function record(name: string, size: number, members: AbiRecord['members']): AbiRecord {
  return { name, kind: 'struct', tagged: !name.includes('.'), size, align: 8, members, origin };
}

function ioctl(name: string, argument: TypeRef | null): Ioctl {
  const direction = argument === null ? 'none' : 'read';
  return { name, type: 0xae, nr: 0x81, direction, request: 0xae81, argument, size: 0, origin };
}

function model(parts: Partial<Model>): Model {
  return {
    schema: 1,
    kernel: '6.1',
    arch: 'x86',
    target: findTarget('x86').target,
    roots: ['linux/kvm.h'],
    constants: [],
    enums: [],
    records: [record('kvm_run', 8, [{ name: 'cr8', type: u64, offset: 0, origin }])],
    ioctls: [],
    foreignIoctls: [],
    functions: [],
    skipped: [],
    ...parts,
  };
}

describe('names', () => {
  test.each([
    ['kvm_userspace_memory_region', 'KvmUserspaceMemoryRegion', 'kvmUserspaceMemoryRegion'],
    ['USER_MEMORY', 'UserMemory', 'userMemory'],
    ['IRQCHIP', 'IrqChip', 'irqChip'],
    ['kvm_run.io', 'KvmRunIo', 'kvmRunIo'],
  ])('%s is %s and %s', (name, inPascal, inCamel) => {
    expect([pascal(name), camel(name)]).toEqual([inPascal, inCamel]);
  });
});

describe('constants', () => {
  test('are bigints where C says long long or a number cannot hold them', () => {
    expect(literal(constant('A', '1'))).toBe('1');
    expect(literal(constant('A', '1', true))).toBe('1n');
    expect(literal(constant('A', '-9007199254740993'))).toBe('-9007199254740993n');
  });

  test('keep the kernel’s name and say where they come from', () => {
    const text = emitConstants(model({ constants: [constant('KVM_API_VERSION', '12')] }));
    expect(text).toContain('/** `KVM_API_VERSION`, linux/kvm.h. */\nexport const KVM_API_VERSION = 12;\n');
  });
});

test('a named enum is an object of its members, and these name the enum', () => {
  const same = model({
    constants: [constant('KVM_DEV_TYPE_VFIO', '4')],
    enums: [
      { name: 'kvm_device_type', members: ['KVM_DEV_TYPE_VFIO'], origin },
      { name: null, members: ['KVM_OTHER'], origin },
    ],
  });
  expect(emitConstants(same)).toContain('/** `KVM_DEV_TYPE_VFIO` of `enum kvm_device_type`, linux/kvm.h. */');
  const text = emitEnums(same);
  expect(text).toContain('export const KvmDeviceType = {\n  KVM_DEV_TYPE_VFIO,\n} as const;');
  expect(text).not.toContain('KVM_OTHER');
});

describe('the table of capabilities that an architecture lacks', () => {
  const caps = ['KVM_CAP_HLT', 'KVM_CAP_ARM_SVE', 'KVM_CAP_S390_UCONTROL', 'KVM_CAP_PPC_RMA', 'KVM_CAP_USER_MEMORY'];
  const several = ['KVM_CAP_ASYNC_PF', 'KVM_CAP_ARM_PSCI'];
  const constants = [...caps, ...several].map((name, index) => constant(name, `${index + 1}`));

  test('has their numbers, by the architectures that offer them', () => {
    const table = (arch: string) => /export const capArch[^;]*;/.exec(emitGroups(model({ arch, constants })))?.[0];
    const type = 'export const capArch: Readonly<Record<string, readonly number[]>> = {';
    expect(table('x86')).toBe(`${type}\n  arm64: [2, 7],\n  none: [4],\n  s390: [3],\n};`);
    expect(table('s390')).toBe(`${type}\n  arm64: [2, 7],\n  none: [4],\n  x86: [1],\n};`);
    expect(table('mips')).toContain("  'x86, s390': [6],\n");
  });

  test('is exported under a reserved name', () => {
    expect(groupNames(model({ constants }))).toContain('capArch');
  });
});

describe('structs', () => {
  test('have the members of anonymous structs as their own, at the right offset', () => {
    const text = emitStructs(
      model({
        records: [
          record('kvm_outer', 24, [
            { name: 'first', type: u64, offset: 0, origin },
            { name: null, type: { kind: 'record', name: 'kvm_outer.#1' }, offset: 8, origin },
          ]),
          record('kvm_outer.#1', 16, [{ name: 'inner_value', type: u32, offset: 4, origin }]),
        ],
      }),
    );
    expect(text).toContain("static readonly fields = ['first', 'innerValue'];");
    expect(text).toContain('return this.view.getUint32(12, true);');
    expect(text).not.toContain('KvmOuter1');
  });

  test('read and write a bitfield by its bits', () => {
    const bits = { offset: 11, width: 3 };
    const text = emitStructs(
      model({ records: [record('kvm_entry', 8, [{ name: 'mode', type: u8, offset: 1, bits, origin }])] }),
    );
    expect(text).toContain('return getBits(this.view, 11, 3, true);');
    expect(text).toContain("setBits(this.view, 11, 3, true, value, 'kvm_entry.mode');");
  });

  test('count a flexible array by the member that the facts name', () => {
    const text = emitStructs(
      model({
        records: [
          record('kvm_reg_list', 8, [
            { name: 'n', type: u64, offset: 0, origin },
            { name: 'reg', type: { kind: 'array', element: u64, count: null }, offset: 8, origin },
          ]),
        ],
      }),
    );
    expect(text).toContain('extends FlexStruct');
    expect(text).toContain("static readonly count = 'n';");
    expect(text).toContain('integers(this, 8, elementCount(this, this.n), BigUint64Array)');
  });

  test('rename a member whose name every struct class has', () => {
    const records = [record('kvm_odd', 8, [{ name: 'bytes', type: u64, offset: 0, origin }])];
    expect(emitStructs(model({ records }))).toContain('get bytesMember(): bigint {');
  });

  test('keep the byte order of a type, whatever the machine’s is', () => {
    const types = ['__le32', '__be32', '__virtio32', '__u32'];
    const records = types.map((name) =>
      record(name, 4, [{ name: 'a', type: { kind: 'int', name, size: 4, signed: false }, offset: 0, origin }]),
    );
    for (const [target, orders] of [
      ['x86', ['true', 'false', 'true', 'true']],
      ['s390', ['true', 'false', 'true', 'false']],
    ] as const) {
      const text = emitStructs(model({ records, target: findTarget(target).target }));
      expect([...text.matchAll(/getUint32\(0, (\w+)\)/g)].map(([, order]) => order)).toEqual(orders);
    }
  });

  test('return as bytes what no typed array can view', () => {
    const array = (name: string): TypeRef => {
      return { kind: 'array', element: { kind: 'int', name, size: 2, signed: false }, count: 3 };
    };
    const records = [
      record('odd', 14, [
        { name: 'aligned', type: array('__le16'), offset: 0, origin },
        { name: 'order', type: array('__be16'), offset: 6, origin },
        { name: 'odd', type: array('__u16'), offset: 13, origin },
      ]),
    ];
    const text = emitStructs(model({ records }));
    expect(text).toContain('integers(this, 0, 3, Uint16Array)');
    for (const offset of [6, 13]) {
      expect(text).toContain(`rows(3, (i) => integers(this, ${offset} + i * 2, 2, Uint8Array))`);
    }
  });

  test('have a boolean where an integer means yes or no', () => {
    const records = [record('kvm_run.dcr', 8, [{ name: 'is_write', type: u32, offset: 4, origin }])];
    const text = emitStructs(model({ records }));
    expect(text).toContain('get isWrite(): boolean {\n    return this.view.getUint32(4, true) !== 0;');
    expect(text).toContain('set isWrite(value: boolean) {');
    expect(text).toContain("Number(boolean(value, 'kvm_run.dcr.isWrite'))");
  });

  test('show the elements in use of a counted array, and keep each such view', () => {
    const data: TypeRef = { kind: 'array', element: u8, count: 8 };
    const records = [
      record('kvm_run.mmio', 24, [
        { name: 'phys_addr', type: u64, offset: 0, origin },
        { name: 'data', type: data, offset: 8, origin },
        { name: 'len', type: u32, offset: 16, origin },
      ]),
    ];
    const text = emitStructs(model({ records }));
    expect(text).toContain('const count = Math.min(this.len, 8);');
    expect(text).toContain('this.parts[count] ??= integers(this, 8, count, Uint8Array);');
    expect(text).toContain("fill(integers(this, 8, 8, Uint8Array), value, 'kvm_run.mmio.data');");
  });
});

describe('ioctls', () => {
  test('without facts are all listed, and nothing is emitted', () => {
    const ioctls = [ioctl('KVM_BRAND_NEW', null), ioctl('KVM_NEWER_STILL', u64)];
    expect(() => emitIoctls(model({ ioctls }))).toThrow(/no facts about KVM_BRAND_NEW, KVM_NEWER_STILL/);
  });

  test('carry their facts', () => {
    const text = emitIoctls(model({ ioctls: [ioctl('KVM_CREATE_VCPU', null)] }));
    expect(text).toContain("fd: ['vm'],\n  argument: { kind: 'value' },");
  });
});

test('an ioctl of another architecture is listed with its facts but no number', () => {
  const foreign: ForeignIoctl = {
    name: 'KVM_ARM_VCPU_INIT',
    type: 0xae,
    nr: 0xae,
    direction: 'write',
    argument: 'struct kvm_vcpu_init',
    origin,
  };
  const text = emitForeignIoctls(model({ foreignIoctls: [foreign] }));
  expect(text).toContain(
    "name: 'KVM_ARM_VCPU_INIT',\n    nr: 0xae,\n    direction: 'write',\n    argument: 'struct kvm_vcpu_init',",
  );
  expect(text).toContain("arch: ['arm64'],");
});

test('the same model gives the same text', () => {
  const same = model({ constants: [constant('KVM_CAP_IRQCHIP', '0')] });
  expect([...emit(same)]).toEqual([...emit(structuredClone(same))]);
});
