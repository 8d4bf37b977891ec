import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Capability, FdKind, Ioctl } from '../src/abi/ioctl.js';
import { abis as byName } from './architectures.js';

interface Names {
  readonly Cap: Readonly<Record<string, number>>;
}

const abis: Readonly<Record<string, Names>> = { ...byName };

/** What a comment says on purpose beside the table, by its method, and why. */
const exceptions: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'vm/devices.ts createDevice': {
    'Cap.DeviceCtrl': 'x86 has the call without the capability, so the table names none',
  },
  'vm/guest-memfd.ts setUserMemoryRegion2': { 'Cap.GuestMemfd': 'only for a slot with a file' },
  'vm/io-events.ts registerCoalescedMmio': { 'Cap.CoalescedPio': 'only for ports' },
  'vm/memory.ts setUserMemoryRegion': { 'Cap.ReadonlyMem': 'only for the flag Readonly' },
  'arch/arm64/vcpu.ts setVcpuEvents': {
    'Cap.ArmInjectSerrorEsr': 'only for an error with a syndrome',
    'Cap.ArmInjectExtDabt': 'only for an external abort',
  },
  'arch/s390/vm.ts pvInfo': { 'Cap.S390ProtectedDump': 'only for the commands of a dump' },
  'arch/s390/vm.ts pvDump': { 'Cap.S390ProtectedDump': 'only for the commands of a dump' },
  'arch/x86/vm/encryption.ts sev': { 'Cap.VmTypes': 'it says which kinds of encrypted VMs the host has' },
  'arch/x86/vm/encryption.ts tdx': { 'Cap.VmTypes': 'it says which kinds of encrypted VMs the host has' },
  'arch/x86/vm/memory.ts setNrMmuPages': { KVM_MIN_ALLOC_MMU_PAGES: 'a constant inside the kernel' },
};

/** A member of a class with the comment above it. */
interface Documented {
  /** "vcpu/vcpu.ts enableCap". */
  readonly where: string;
  readonly comment: string;
  readonly kind: FdKind | undefined;
  /** Those that its file is about: an architecture's own, or all. */
  readonly abis: readonly Names[];
}

/** The public methods and accessors of a file that have a doc comment. */
function documentedIn(file: string, text: string): Documented[] {
  const arch = /^arch\/(\w+)\//.exec(file)?.[1] ?? '';
  const about = abis[arch] === undefined ? Object.values(abis) : [abis[arch]];
  const members = text.matchAll(
    /^ {2}\/\*\*((?:(?!\*\/).)*)\*\/\n {2}(?:(?:static|override|get|async) )*(\w+)[(<:]/gms,
  );
  return [...members].flatMap(([, comment = '', name = '']) => [
    { where: `${file} ${name}`, comment, kind: kindOf(file), abis: about },
  ]);
}

/** The kind of descriptor whose calls a file has. */
function kindOf(file: string): FdKind | undefined {
  if (/\bvcpu\b/.test(file)) return 'vcpu';
  if (/\bvm\b/.test(file)) return 'vm';
  return /^system\/|\/kvm\.ts$/.test(file) ? 'system' : undefined;
}

/** What is wrong with a comment: names that do not exist, and capabilities other than the table's. */
function findings({ where, comment, kind, abis: about }: Documented): string[] {
  const said = namesIn(comment, /\b(?:KVM_[A-Z0-9_]*[A-Z0-9]\b(?!_)|Cap\.\w+)/g);
  const ioctls = said.flatMap((name) => about.flatMap((abi) => ioctlOf(abi, name) ?? []));
  const calls = [...new Set(ioctls.map(({ name }) => name))];
  // KVM_ENABLE_CAP is there wherever the capability is that it enables.
  const isEnable = calls.includes('KVM_ENABLE_CAP') && !said.includes('Cap.EnableCap');
  const wanted = isEnable ? [] : capabilitiesOf(ioctls, kind).map((capability) => friendly(about, capability));
  const lengths = ioctls.flatMap(({ length }) =>
    length !== undefined && 'capability' in length ? length.capability : [],
  );
  const known = isEnable ? said : [...wanted, ...lengths.map((capability) => friendly(about, capability))];
  const found = [
    ...said.filter((name) => !about.some((abi) => exists(abi, name))).map((name) => [name, 'does not exist']),
    ...ioctls
      .filter(({ fd }) => kind !== undefined && !fd.includes(kind))
      .map(({ name }) => [name, `is no call of a ${kind}`]),
    ...(/api\.rst\s+(?:\*\s+)?4\./.test(comment) && calls.length === 0 ? [['the ioctl', 'is not named']] : []),
    ...wanted
      .filter((name) => !said.includes(name))
      .map((name) => [name, `is not named, and the table says that ${calls.join(', ')} needs it`]),
    ...namesIn(source(comment, calls), /\bCap\.\w+/g)
      .filter((name) => !known.includes(name))
      .map((name) => [name, `is named, and the table does not say that ${calls.join(', ')} needs it`]),
  ] as const;
  return found
    .filter(([name = '']) => exceptions[where]?.[name] === undefined)
    .map(([name, problem]) => `${where}: ${name} ${problem}`);
}

function namesIn(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map(([name]) => name))];
}

/** The part of a comment from an ioctl to the end of its paragraph: "KVM_X, api.rst 4.1. x86, Cap.Y." */
function source(comment: string, calls: readonly string[]): string {
  const paragraphs = comment.split(/\n\s*\*\s*(?:\n|(?=@))/);
  return paragraphs
    .map((paragraph) => paragraph.slice(Math.min(...calls.map((name) => paragraph.indexOf(name) >>> 0))))
    .join('\n');
}

function exists(abi: Names, name: string): boolean {
  return name.startsWith('Cap.') ? name.slice('Cap.'.length) in abi.Cap : name in abi;
}

function ioctlOf(abi: Names, name: string): Ioctl | undefined {
  const value = (abi as unknown as Record<string, unknown>)[name];
  return typeof value === 'object' && value !== null && 'request' in value ? (value as Ioctl) : undefined;
}

function capabilitiesOf(ioctls: readonly Ioctl[], kind: FdKind | undefined): Capability[] {
  const each = ioctls.flatMap(({ capability, capabilityOn, fd }) =>
    (kind === undefined ? fd : [kind]).flatMap((one) => capabilityOn?.[one] ?? capability ?? []),
  );
  return [...new Map(each.map((capability) => [capability.number, capability])).values()];
}

/** "Cap.Xsave2". */
function friendly(about: readonly Names[], { name, number }: Capability): string {
  const known = about.flatMap(({ Cap }) => Object.keys(Cap).filter((each) => Cap[each] === number));
  return known[0] === undefined ? name : `Cap.${known[0]}`;
}

const src = join(import.meta.dirname, '../src');
const documented = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.startsWith('abi/'))
  .flatMap((file) => documentedIn(file, readFileSync(join(src, file), 'utf8')));

describe('the doc comments of methods', () => {
  test('name the capability that the table of ioctls has for the call', () => {
    expect(documented.filter(({ comment }) => /\bKVM_[A-Z]/.test(comment)).length).toBeGreaterThan(150);
    expect(documented.flatMap(findings)).toEqual([]);
  });

  test('have exceptions for what they say, and for nothing else', () => {
    const unused = Object.entries(exceptions).flatMap(([where, names]) => {
      const comments = documented.filter((each) => each.where === where).map(({ comment }) => comment);
      return Object.keys(names).filter((name) => !comments.some((comment) => comment.includes(name)));
    });
    expect(unused).toEqual([]);
  });

  test.each([
    ['Gets them. KVM_GET_REGS, api.rst 4.11.', []],
    ['Gets them. KVM_GET_XSAVE. x86, Cap.Xsave.', []],
    ['Gets them. KVM_GET_XSAVE. x86.', ['Cap.Xsave is not named, and the table says that KVM_GET_XSAVE needs it']],
    ['Sets them. KVM_SET_XSAVE. x86, Cap.Xsave, Cap.Xsave2.', []],
    [
      'Gets them. KVM_GET_REGS. x86, Cap.Xsave.',
      ['Cap.Xsave is named, and the table does not say that KVM_GET_REGS needs it'],
    ],
    ['Gets them. KVM_GET_REGZ, Cap.NoSuch.', ['KVM_GET_REGZ does not exist', 'Cap.NoSuch does not exist']],
    ['Gets them. api.rst 4.11. x86.', ['the ioctl is not named']],
    ['Makes one. KVM_CREATE_VM.', ['KVM_CREATE_VM is no call of a vcpu']],
  ])('are checked: %s', (comment, problems) => {
    const [member] = documentedIn(
      'arch/x86/vcpu/example.ts',
      `class A {\n  /** ${comment} */\n  example(): void {}\n}`,
    );
    const found = findings(member as Documented);
    expect(found).toEqual(problems.map((problem) => `arch/x86/vcpu/example.ts example: ${problem}`));
  });
});
