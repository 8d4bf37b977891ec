import { existsSync, readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { committedModels } from '../committed/models.js';
import { pascal } from '../emit/names.js';
import { findInterface } from '../interfaces/interfaces.js';
import { fieldsOf, recordsByName } from '../model/lookup.js';
import { capabilityFacts } from './capabilities.js';
import { exitMembers, notExitReasons } from './exits.js';
import type { IoctlFacts } from './facts.js';
import { flexCounts, flexUncounted } from './flex.js';
import { type Group, groups, renamed, words } from './groups.js';
import { ioctlFacts } from './ioctls.js';
import { booleanMembers, countedMembers } from './members.js';

// Read with plain expressions, and not with magic-gen's own reader: it is the facts that are tested here.
const candidates = [
  '/usr/include/linux/kvm.h',
  '/usr/include/x86_64-linux-gnu/asm/kvm.h',
  // Where a distribution keeps no directory for each architecture.
  '/usr/include/asm/kvm.h',
];
const header = candidates
  .filter((path) => existsSync(path))
  .map((path) => readFileSync(path, 'utf8'))
  .join('\n')
  .replaceAll('\\\n', ' ')
  .replace(/\/\*.*?\*\//gs, '');
const missing = !header.includes('KVM_CREATE_VM') || !header.includes('kvm_msr_list');

/** What newer headers than Linux 6.1's have; older ones do not show whether it is spelled right. */
const laterIoctls = [
  'KVM_ARM_GET_REG_WRITABLE_MASKS',
  'KVM_ARM_SET_COUNTER_OFFSET',
  'KVM_CREATE_GUEST_MEMFD',
  'KVM_PPC_GET_COMPAT_CAPS',
  'KVM_PRE_FAULT_MEMORY',
  'KVM_S390_KEYOP',
  'KVM_SET_MEMORY_ATTRIBUTES',
  'KVM_SET_USER_MEMORY_REGION2',
];
const laterCapabilities = [
  'KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES',
  'KVM_CAP_COUNTER_OFFSET',
  'KVM_CAP_GUEST_MEMFD',
  'KVM_CAP_MEMORY_ATTRIBUTES',
  'KVM_CAP_PPC_COMPAT_CAPS',
  'KVM_CAP_PRE_FAULT_MEMORY',
  'KVM_CAP_S390_KEYOP',
  'KVM_CAP_USER_MEMORY2',
];
const laterExits = [
  'KVM_EXIT_ARM_LDST64B',
  'KVM_EXIT_ARM_SEA',
  'KVM_EXIT_LOONGARCH_IOCSR',
  'KVM_EXIT_MEMORY_FAULT',
  'KVM_EXIT_SNP_REQ_CERTS',
  'KVM_EXIT_TDX',
];

/** Each `#define NAME value`, and each enumerator, whose value is not looked at. */
const constants = new Map([
  ...[...header.matchAll(/^\s*(KVM_\w+)\s*(?:=[^,]*)?,/gm)].map((m) => [m[1] ?? '', ''] as const),
  ...[...header.matchAll(/^\s*#\s*define\s+(\w+)[ \t]+(\S.*?)\s*$/gm)].map((m) => [m[1] ?? '', m[2] ?? ''] as const),
]);

interface IoctlDefinition {
  name: string;
  macro: string;
  argument: string | undefined;
}

const defined: IoctlDefinition[] = [...constants].flatMap(([name, value]) => {
  const text = constants.get(value) ?? value;
  const call = /^(_IO[RW]*)\(\s*KVMIO\s*,\s*\w+\s*(?:,\s*(.*?)\s*)?\)$/.exec(text);
  return call ? [{ name, macro: call[1] ?? '', argument: call[2] }] : [];
});

/** The text of a struct, from its opening brace to the one that closes it. */
function bodyOf(struct: string): string {
  const start = new RegExp(String.raw`struct\s+${struct}\s*\{`).exec(header);
  if (!start) throw new Error(`struct ${struct} is not in the headers`);
  let depth = 0;
  for (let at = start.index + start[0].length - 1; at < header.length; at++) {
    if (header[at] === '{') depth++;
    if (header[at] === '}' && --depth === 0) return header.slice(start.index, at + 1);
  }
  throw new Error(`struct ${struct} is not closed`);
}

const hasMember = (body: string, member: string): boolean =>
  new RegExp(String.raw`[\s*]${member}\s*(?:\[[^\]]*\]\s*)*[;,)]`).test(body);

const capabilitiesOf = (facts: IoctlFacts): string[] =>
  [facts.capability, ...Object.values(facts.capabilityOn ?? {})].filter((name) => name !== undefined);

const constantsOf = (group: Group): string[] =>
  'prefix' in group
    ? [...constants.keys()].filter(
        (name) => name.startsWith(group.prefix) && !group.exclude?.includes(name) && (group.includes?.(name) ?? true),
      )
    : Object.values(group.constants).filter((name) => constants.has(name));

const membersOf = (group: Group): string[] =>
  'prefix' in group
    ? constantsOf(group).map((name) => group.renamed?.[name] ?? pascal(name.slice(group.prefix.length)))
    : Object.keys(group.constants);

describe('the facts and the headers of this system', () => {
  beforeEach(({ skip }) => {
    skip(missing, `${candidates[0]} or its asm/kvm.h for x86 is not here: install linux-libc-dev`);
  });

  it('know every ioctl of the headers, and where each belongs', () => {
    expect(defined.length).toBeGreaterThanOrEqual(153);
    expect(defined.filter(({ name }) => ioctlFacts[name] === undefined)).toEqual([]);
  });

  it('know no ioctl that is neither in the headers nor newer', () => {
    const names = new Set(defined.map(({ name }) => name));
    const unknown = Object.keys(ioctlFacts).filter((name) => !names.has(name) && !laterIoctls.includes(name));
    expect(unknown).toEqual([]);
  });

  it('say of every _IO whether it takes a value', () => {
    const unsaid = defined.filter(({ name, macro }) => macro === '_IO' && ioctlFacts[name]?.argument === undefined);
    expect(unsaid).toEqual([]);
  });

  it('take for a value only what the headers declare as nothing or as an unsigned long', () => {
    const odd = defined.filter(
      ({ name, macro, argument }) =>
        ioctlFacts[name]?.argument !== undefined && macro !== '_IO' && argument !== 'unsigned long',
    );
    expect(odd).toEqual([]);
  });

  it('give a direction only where the headers have another', () => {
    const declared: Record<string, string> = { _IO: 'none', _IOR: 'read', _IOW: 'write', _IOWR: 'readwrite' };
    const idle = defined.filter(
      ({ name, macro }) =>
        ioctlFacts[name]?.direction === declared[macro] &&
        ioctlFacts[name]?.argument === undefined &&
        ioctlFacts[name]?.direction !== undefined,
    );
    expect(idle).toEqual([]);
  });

  it('name capabilities that exist', () => {
    const names = Object.values(ioctlFacts).flatMap(capabilitiesOf);
    expect(names.filter((name) => !constants.has(name) && !laterCapabilities.includes(name))).toEqual([]);
    expect(laterCapabilities.filter((name) => !names.includes(name))).toEqual([]);
  });

  it('name the capability that the header names beside an ioctl', () => {
    // The capabilities that the header's comments misspell, or name for another kind of descriptor.
    const spelled: Record<string, string> = {
      KVM_CAP_RMA: 'KVM_CAP_PPC_RMA',
      KVM_CAP_PPC_RADIX_MMU: 'KVM_CAP_PPC_MMU_RADIX',
      KVM_CAP_MANUAL_DIRTY_LOG_PROTECT_2: 'KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2',
    };
    const text = candidates.filter((path) => existsSync(path)).map((path) => readFileSync(path, 'utf8'));
    const notes = [...text.join('\n').matchAll(/\/\*\s*Available with\s+(KVM_CAP_\w+)[^/]*\*\/\s*#define (\w+)/g)];
    const wrong = notes.flatMap(([, capability = '', name = '']) => {
      const facts = ioctlFacts[name];
      return facts === undefined || capabilitiesOf(facts).includes(spelled[capability] ?? capability) ? [] : [name];
    });
    expect(notes.length).toBeGreaterThan(20);
    expect(wrong).toEqual([]);
  });

  it('find addresses in members that exist', () => {
    // Members of newer structs, which lie on the bytes of older ones.
    const later = ['old_addr', 'u.shared_info.hva', 'u.hva'];
    const wrong = defined.flatMap(({ name, argument }) =>
      (ioctlFacts[name]?.pointers ?? [])
        .filter((path) => !later.includes(path))
        // Other architectures' structs are in their own headers.
        .filter(() => argument === 'unsigned long' || header.includes(`${argument} {`))
        .filter((path) => {
          const struct = ioctlFacts[name]?.record ?? argument?.replace('struct ', '') ?? '';
          const steps = path.split('.');
          // Only kvm_msr_filter's way leads through another struct.
          const body = steps.length > 1 ? header : bodyOf(struct);
          return !steps.every((step) => hasMember(body, step));
        })
        .map((path) => `${name}: ${path}`),
    );
    expect(wrong).toEqual([]);
  });

  it('leave no pointer and no user space address of an argument out', () => {
    // Addresses of the guest, for all their names; and one that is not looked at.
    const guests = ['KVM_ARM_SET_DEVICE_ADDR', 'KVM_IOEVENTFD', 'KVM_REGISTER_COALESCED_MMIO'];
    guests.push('KVM_UNREGISTER_COALESCED_MMIO', 'KVM_HAS_DEVICE_ATTR', 'KVM_S390_UCAS_UNMAP', 'KVM_X86_SET_MCE');
    guests.push('KVM_S390_SET_INITIAL_PSW');
    const missed = defined.filter(({ name, argument }) => {
      const struct = argument?.startsWith('struct ') ? argument.slice('struct '.length) : undefined;
      // powerpc's, arm64's and s390's own structs are in their own headers.
      if (struct === undefined || guests.includes(name) || !new RegExp(`struct ${struct}\\s*\\{`).test(header))
        return false;
      const address = /\*\s*\w+;|__u64\s+(?:\w*user\w*|addr|buf|array|bitmap|values|\w+data_addr|blob_addr\w*);/;
      return address.test(bodyOf(struct)) && ioctlFacts[name]?.pointers === undefined;
    });
    expect(missed).toEqual([]);
  });

  it('know every exit reason, and the members of struct kvm_run that it fills', () => {
    const exits = [...constants.keys()].filter((name) => name.startsWith('KVM_EXIT_'));
    expect(exits.length).toBeGreaterThanOrEqual(38);
    expect(exits.filter((name) => !(name in exitMembers) && !notExitReasons.includes(name))).toEqual([]);
    expect(Object.keys(exitMembers).filter((name) => !constants.has(name) && !laterExits.includes(name))).toEqual([]);
    const run = bodyOf('kvm_run');
    const wrong = Object.entries(exitMembers).filter(
      ([name, members]) => constants.has(name) && !members.every((member) => hasMember(run, member)),
    );
    expect(wrong).toEqual([]);
  });

  it('fill every member of the union of struct kvm_run from some exit', () => {
    const union = /union \{(.*?)char padding\[256\];/s.exec(bodyOf('kvm_run'))?.[1] ?? '';
    // Members at the union's own depth: those behind a brace that closes there, and those of named types.
    const members: string[] = [];
    let depth = 0;
    for (const line of union.split('\n')) {
      const name = /(\w+)\s*;\s*$/.exec(line)?.[1];
      depth += (line.match(/\{/g)?.length ?? 0) - (line.match(/\}/g)?.length ?? 0);
      if (depth === 0 && name !== undefined) members.push(name);
    }
    expect(members.length).toBeGreaterThan(20);
    const filled = new Set(Object.values(exitMembers).flat());
    expect(members.filter((member) => !filled.has(member))).toEqual([]);
  });

  it('know of every flexible array what counts it', () => {
    const structs = [...header.matchAll(/^struct\s+(\w+)\s*\{/gm)].map((m) => m[1] ?? '');
    const flexible = structs.filter((name) => /__DECLARE_FLEX_ARRAY|\[0?\];/.test(bodyOf(name)));
    expect(flexible.length).toBeGreaterThanOrEqual(12);
    expect(flexible.filter((name) => !(name in flexCounts) && !(name in flexUncounted))).toEqual([]);
    const wrong = Object.entries(flexCounts).filter(([name, count]) => !hasMember(bodyOf(name), count));
    expect(wrong).toEqual([]);
  });

  it('know members that are booleans or counted by their names in the headers', () => {
    const models = [...committedModels(findInterface('kvm')).values()];
    const records = new Map(models.flatMap((model) => [...recordsByName(model)]));
    const members = (name: string) => {
      const record = records.get(name);
      return record === undefined ? [] : fieldsOf(record, records);
    };
    const named = [...records.values()].flatMap((record) => record.members.map(({ name }) => name));
    expect(booleanMembers.filter((name) => !named.includes(name))).toEqual([]);
    for (const [record, counted] of Object.entries(countedMembers)) {
      for (const [array, count] of Object.entries(counted)) {
        const type = members(record).find(({ name }) => name === array)?.type;
        expect(type, `${record}.${array}`).toMatchObject({ kind: 'array', count: expect.any(Number) });
        expect(members(record).find(({ name }) => name === count)?.type.kind, `${record}.${count}`).toBe('int');
      }
    }
  });

  it('take for capabilities plain numbers, no two the same', () => {
    const cap = groups.find(({ name }) => name === 'Cap');
    const values = cap ? constantsOf(cap).map((name) => constants.get(name) ?? '') : [];
    expect(values.length).toBeGreaterThanOrEqual(218);
    expect(values.filter((value) => !/^\d+$/.test(value))).toEqual([]);
    expect(new Set(values).size).toBe(values.length);
  });

  it('make groups of constants that exist', () => {
    // Some are another architecture's, some of a newer kernel: the committed models have them all.
    const known = new Set(
      [...committedModels(findInterface('kvm')).values()].flatMap((model) => model.constants.map(({ name }) => name)),
    );
    const isThere = (group: Group): boolean =>
      'prefix' in group
        ? [...known].some((name) => name.startsWith(group.prefix))
        : Object.values(group.constants).some((name) => known.has(name));
    expect(groups.filter((group) => !isThere(group)).map(({ name }) => name)).toEqual([]);
  });

  it('call no two constants of a group the same, and none by a number', () => {
    const clashes = groups.filter((group) => new Set(membersOf(group)).size !== membersOf(group).length);
    expect(clashes.map(({ name }) => name)).toEqual([]);
    expect(groups.flatMap(membersOf).filter((name) => !/^[A-Z]\w*$/.test(name))).toEqual([]);
  });

  it('let no digits of a name run into the next', () => {
    const runs = groups.flatMap((group) =>
      'prefix' in group
        ? constantsOf(group).filter((name) => /\d_\d/.test(name.slice(group.prefix.length)) && !(name in renamed))
        : [],
    );
    expect(runs).toEqual([]);
  });

  it('mix no bigints into a group of numbers', () => {
    const wide = groups.filter(
      (group) => !group.bigint && constantsOf(group).some((c) => /\dULL/.test(constants.get(c) ?? '')),
    );
    expect(wide.map(({ name }) => name)).toEqual([]);
  });

  it('rename only what is there', () => {
    expect(Object.keys(renamed).filter((name) => !constants.has(name))).toEqual([]);
  });
});

describe('the facts by themselves', () => {
  it('have no exit reason among those that are none', () => {
    expect(notExitReasons.filter((name) => name in exitMembers)).toEqual([]);
    expect(notExitReasons).toContain('KVM_EXIT_HYPERCALL_VALID_MASK');
  });

  it('have no flexible array both counted and not', () => {
    expect(Object.keys(flexCounts).filter((name) => name in flexUncounted)).toEqual([]);
  });

  it('name architectures as the kernel does, and kinds of descriptors once', () => {
    const known = ['x86', 'arm64', 'riscv', 's390', 'powerpc', 'mips', 'loongarch'];
    for (const [name, { arch = [], fd, capabilityOn = {} }] of Object.entries(ioctlFacts)) {
      expect(known, name).toEqual(expect.arrayContaining([...arch]));
      expect(new Set(fd).size, name).toBe(fd.length);
      expect(fd, name).toEqual(expect.arrayContaining(Object.keys(capabilityOn)));
    }
  });

  it('offer the capability of an ioctl wherever the ioctl works', () => {
    const all = ['x86', 'arm64', 'riscv', 's390', 'powerpc', 'mips', 'loongarch'];
    // The ioctls that work, or are still numbered, where their capability is not offered.
    const without = [
      // s390 has KVM_CAP_S390_IRQCHIP; powerpc has lines without KVM_CAP_IRQCHIP.
      'KVM_CREATE_IRQCHIP',
      'KVM_IRQ_LINE',
      'KVM_IRQ_LINE_STATUS',
      // Kernels no longer have these.
      'KVM_ASSIGN_DEV_IRQ',
      'KVM_DEASSIGN_DEV_IRQ',
      'KVM_ASSIGN_SET_INTX_MASK',
      'KVM_ALLOCATE_RMA',
      // Devices have attributes everywhere; other kinds of descriptor only on some architectures.
      'KVM_SET_DEVICE_ATTR',
      'KVM_GET_DEVICE_ATTR',
      'KVM_HAS_DEVICE_ATTR',
      // KVM_CAP_ENABLE_CAP is about vCPUs. Dirty rings have a second capability.
      'KVM_ENABLE_CAP',
      'KVM_RESET_DIRTY_RINGS',
    ];
    const offered = new Map<string, Set<string>>();
    const wider = new Set<string>();
    for (const [name, facts] of Object.entries(ioctlFacts)) {
      for (const capability of capabilitiesOf(facts)) {
        const works = offered.get(capability) ?? new Set();
        offered.set(capability, works);
        for (const arch of facts.arch ?? all) {
          works.add(arch);
          if (!(capabilityFacts[capability]?.arch ?? all).includes(arch)) wider.add(name);
        }
      }
    }
    expect([...wider].toSorted()).toEqual(without.toSorted());
    const unused = [...offered].filter(([name, works]) =>
      (capabilityFacts[name]?.arch ?? all).some((arch) => !works.has(arch)),
    );
    expect(unused.map(([name]) => name)).toEqual([]);
  });

  it('give a struct only to a value', () => {
    const odd = Object.entries(ioctlFacts).filter(
      ([, facts]) => facts.record !== undefined && facts.argument !== 'value',
    );
    expect(odd).toEqual([]);
  });

  it('export each group once', () => {
    expect(new Set(groups.map(({ name }) => name)).size).toBe(groups.length);
  });

  it('split words, and do nothing else to them', () => {
    expect(Object.entries(words).filter(([word, split]) => split.toLowerCase() !== word)).toEqual([]);
  });

  it.each([
    ['KVM_CAP_IRQCHIP', 'IrqChip'],
    ['KVM_CAP_HYPERV_TLBFLUSH', 'HyperVTlbFlush'],
    ['KVM_CAP_X86_ROBUST_SINGLESTEP', 'X86RobustSingleStep'],
    ['KVM_CAP_NR_MEMSLOTS', 'NrMemslots'],
    ['KVM_CAP_S390_HPAGE_1M', 'S390Hpage1M'],
  ])('call %s %s', (constant, name) => {
    expect(pascal(constant.replace('KVM_CAP_', ''))).toBe(name);
  });
});
