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

// Read with regular expressions instead of magic-gen's parser: the facts are tested here.
const candidates = [
  '/usr/include/linux/kvm.h',
  '/usr/include/x86_64-linux-gnu/asm/kvm.h',
  // Where a distribution has no folder for each architecture.
  '/usr/include/asm/kvm.h',
];
const header = candidates
  .filter((path) => existsSync(path))
  .map((path) => readFileSync(path, 'utf8'))
  .join('\n')
  .replaceAll('\\\n', ' ')
  .replace(/\/\*.*?\*\//gs, '');
const missing = !header.includes('KVM_CREATE_VM') || !header.includes('kvm_msr_list');

const { architectures } = findInterface('kvm');

/** Names of headers after Linux 6.1; the spelling of these cannot be checked with older headers. */
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

/** Each `#define NAME value`, and each enumerator without its value. */
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

/** The text of a struct, from its opening to its closing brace. */
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

  it('know every ioctl of the headers', () => {
    expect(defined.length).toBeGreaterThanOrEqual(153);
    expect(defined.filter(({ name }) => ioctlFacts[name] === undefined)).toEqual([]);
  });

  it('know no ioctl that is unknown to the headers, except newer ones', () => {
    const names = new Set(defined.map(({ name }) => name));
    const unknown = Object.keys(ioctlFacts).filter((name) => !names.has(name) && !laterIoctls.includes(name));
    expect(unknown, 'ioctls that laterIoctls lacks').toEqual([]);
  });

  it('say for every _IO whether it takes a value', () => {
    const unsaid = defined.filter(({ name, macro }) => macro === '_IO' && ioctlFacts[name]?.argument === undefined);
    expect(unsaid).toEqual([]);
  });

  it('give a value only to an _IO or to an argument of type unsigned long', () => {
    const odd = defined.filter(
      ({ name, macro, argument }) =>
        ioctlFacts[name]?.argument !== undefined && macro !== '_IO' && argument !== 'unsigned long',
    );
    expect(odd).toEqual([]);
  });

  it('give a direction only where it differs from the header’s', () => {
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
    const unknown = names.filter((name) => !constants.has(name) && !laterCapabilities.includes(name));
    expect(unknown, 'capabilities that laterCapabilities lacks').toEqual([]);
    const unused = laterCapabilities.filter((name) => !names.includes(name));
    expect(unused, 'capabilities of laterCapabilities that no ioctl has').toEqual([]);
  });

  it('name the capability that the header’s comment on an ioctl names', () => {
    // Capabilities that the header's comments misspell, or name for another kind of descriptor.
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
    // Members of newer structs, which overlay older ones.
    const later = ['old_addr', 'u.shared_info.hva', 'u.hva'];
    const wrong = defined.flatMap(({ name, argument }) =>
      (ioctlFacts[name]?.pointers ?? [])
        .filter((path) => !later.includes(path))
        // Structs of other architectures are in those architectures' headers.
        .filter(() => argument === 'unsigned long' || header.includes(`${argument} {`))
        .filter((path) => {
          const struct = ioctlFacts[name]?.record ?? argument?.replace('struct ', '') ?? '';
          const steps = path.split('.');
          // Only kvm_msr_filter has its pointers in another struct.
          const body = steps.length > 1 ? header : bodyOf(struct);
          return !steps.every((step) => hasMember(body, step));
        })
        .map((path) => `${name}: ${path}`),
    );
    expect(wrong).toEqual([]);
  });

  it('list every pointer and every user space address of an argument', () => {
    // Guest addresses in spite of their names, and one address that is ignored.
    const guests = ['KVM_ARM_SET_DEVICE_ADDR', 'KVM_IOEVENTFD', 'KVM_REGISTER_COALESCED_MMIO'];
    guests.push('KVM_UNREGISTER_COALESCED_MMIO', 'KVM_HAS_DEVICE_ATTR', 'KVM_S390_UCAS_UNMAP', 'KVM_X86_SET_MCE');
    guests.push('KVM_S390_SET_INITIAL_PSW');
    const missed = defined.filter(({ name, argument }) => {
      const struct = argument?.startsWith('struct ') ? argument.slice('struct '.length) : undefined;
      // The structs of powerpc, arm64 and s390 are in those architectures' headers.
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
    const unknown = Object.keys(exitMembers).filter((name) => !constants.has(name) && !laterExits.includes(name));
    expect(unknown, 'exit reasons that laterExits lacks').toEqual([]);
    const run = bodyOf('kvm_run');
    const wrong = Object.entries(exitMembers).filter(
      ([name, members]) => constants.has(name) && !members.every((member) => hasMember(run, member)),
    );
    expect(wrong).toEqual([]);
  });

  it('assign every member of the union of struct kvm_run to some exit', () => {
    const union = /union \{(.*?)char padding\[256\];/s.exec(bodyOf('kvm_run'))?.[1] ?? '';
    // Members at the union's own level: after a brace that closes there, and of named types.
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

  it('know what counts every flexible array', () => {
    const structs = [...header.matchAll(/^struct\s+(\w+)\s*\{/gm)].map((m) => m[1] ?? '');
    const flexible = structs.filter((name) => /__DECLARE_FLEX_ARRAY|\[0?\];/.test(bodyOf(name)));
    expect(flexible.length).toBeGreaterThanOrEqual(12);
    expect(flexible.filter((name) => !(name in flexCounts) && !(name in flexUncounted))).toEqual([]);
    const wrong = Object.entries(flexCounts).filter(([name, count]) => !hasMember(bodyOf(name), count));
    expect(wrong).toEqual([]);
  });

  it('name boolean and counted members as the headers do', () => {
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

  it('only have plain numbers as capabilities, no two equal', () => {
    const cap = groups.find(({ name }) => name === 'Cap');
    const values = cap ? constantsOf(cap).map((name) => constants.get(name) ?? '') : [];
    expect(values.length).toBeGreaterThanOrEqual(218);
    expect(values.filter((value) => !/^\d+$/.test(value))).toEqual([]);
    expect(new Set(values).size).toBe(values.length);
  });

  it('group only constants that exist', () => {
    // Some belong to another architecture, some to a newer kernel: the committed models have all of them.
    const known = new Set(
      [...committedModels(findInterface('kvm')).values()].flatMap((model) => model.constants.map(({ name }) => name)),
    );
    const isThere = (group: Group): boolean =>
      'prefix' in group
        ? [...known].some((name) => name.startsWith(group.prefix))
        : Object.values(group.constants).some((name) => known.has(name));
    expect(groups.filter((group) => !isThere(group)).map(({ name }) => name)).toEqual([]);
  });

  it('give the constants of a group different names, none a number', () => {
    const clashes = groups.filter((group) => new Set(membersOf(group)).size !== membersOf(group).length);
    expect(clashes.map(({ name }) => name)).toEqual([]);
    expect(groups.flatMap(membersOf).filter((name) => !/^[A-Z]\w*$/.test(name))).toEqual([]);
  });

  it('keep the digits of a name apart', () => {
    const runs = groups.flatMap((group) =>
      'prefix' in group
        ? constantsOf(group).filter((name) => /\d_\d/.test(name.slice(group.prefix.length)) && !(name in renamed))
        : [],
    );
    expect(runs).toEqual([]);
  });

  it('do not mix bigints and numbers in a group', () => {
    const wide = groups.filter(
      (group) => !group.bigint && constantsOf(group).some((c) => /\dULL/.test(constants.get(c) ?? '')),
    );
    expect(wide.map(({ name }) => name)).toEqual([]);
  });

  it('rename only constants that exist', () => {
    expect(Object.keys(renamed).filter((name) => !constants.has(name))).toEqual([]);
  });
});

describe('the facts by themselves', () => {
  it('have no exit reason among the names that are not', () => {
    expect(notExitReasons.filter((name) => name in exitMembers)).toEqual([]);
    expect(notExitReasons).toContain('KVM_EXIT_HYPERCALL_VALID_MASK');
  });

  it('list no flexible array as both counted and uncounted', () => {
    expect(Object.keys(flexCounts).filter((name) => name in flexUncounted)).toEqual([]);
  });

  it('name architectures as the kernel does, and kinds of descriptors once', () => {
    for (const [name, { arch = [], fd, capabilityOn = {} }] of Object.entries(ioctlFacts)) {
      expect(architectures, name).toEqual(expect.arrayContaining([...arch]));
      expect(new Set(fd).size, name).toBe(fd.length);
      expect(fd, name).toEqual(expect.arrayContaining(Object.keys(capabilityOn)));
    }
  });

  it('offer an ioctl’s capability wherever the ioctl works', () => {
    // Ioctls that work, or still have a number, where their capability is not offered.
    const without = [
      // s390 has KVM_CAP_S390_IRQCHIP; powerpc has interrupt lines without KVM_CAP_IRQCHIP.
      'KVM_CREATE_IRQCHIP',
      'KVM_IRQ_LINE',
      'KVM_IRQ_LINE_STATUS',
      // Newer kernels do not have these.
      'KVM_ASSIGN_DEV_IRQ',
      'KVM_DEASSIGN_DEV_IRQ',
      'KVM_ASSIGN_SET_INTX_MASK',
      'KVM_ALLOCATE_RMA',
      // Devices have attributes everywhere, other kinds of descriptor only on some architectures.
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
        for (const arch of facts.arch ?? architectures) {
          works.add(arch);
          if (!(capabilityFacts[capability]?.arch ?? architectures).includes(arch)) wider.add(name);
        }
      }
    }
    expect([...wider].toSorted()).toEqual(without.toSorted());
    const unused = [...offered].filter(([name, works]) =>
      (capabilityFacts[name]?.arch ?? architectures).some((arch) => !works.has(arch)),
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

  it('split words and change nothing else', () => {
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
