import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { modelOf } from '../../test/model.js';
import { capabilityFacts } from './capabilities.js';
import { findDisagreements } from './disagreements.js';
import { readDocument } from './document.js';
import { ioctlFacts } from './ioctls.js';
import { settled, settledBy } from './settled.js';
import { statementsOf } from './statements.js';

const document = [
  '4. Calls',
  '========',
  '',
  '4.1 KVM_GET_REGS',
  '----------------',
  '',
  ':Capability: basic',
  ':Architectures: all except arm64, riscv',
  ':Type: vcpu ioctl',
  ':Parameters: struct kvm_regs (out)',
  ':Returns: 0 on success, -1',
  '          on error',
  '',
  'Type: in prose this is not a field.',
  '',
  '4.2 KVM_ENABLE_CAP, KVM_CHECK_EXTENSION',
  '---------------------------------------',
  '',
  'Capability: KVM_CAP_ENABLE_CAP, KVM_CAP_ENABLE_CAP_VM',
  'Architectures: x86, ppc',
  'Type: vcpu ioctl, vm ioctl',
  '',
  '6.1 KVM_CAP_PPC_OSI',
  '-------------------',
  '',
  ':Architectures: s390',
  ':Target: vcpu',
  '',
].join('\n');

describe('the API document', () => {
  it('is read as sections with fields', () => {
    const sections = readDocument(document);
    expect(sections.map(({ names, chapter, line }) => [names.join(), chapter, line])).toEqual([
      ['KVM_GET_REGS', 4, 4],
      ['KVM_ENABLE_CAP,KVM_CHECK_EXTENSION', 4, 16],
      ['KVM_CAP_PPC_OSI', 6, 23],
    ]);
    expect(sections.map(statementsOf)).toEqual([
      { capabilities: [], arch: ['x86', 's390', 'powerpc', 'mips', 'loongarch'], fd: ['vcpu'], direction: 'read' },
      { capabilities: ['KVM_CAP_ENABLE_CAP', 'KVM_CAP_ENABLE_CAP_VM'], arch: ['x86', 'powerpc'], fd: ['vm', 'vcpu'] },
      { arch: ['s390'] },
    ]);
  });

  it('is compared with the facts, name by name', () => {
    const model = modelOf('struct kvm_regs { __u64 a; };\n#define KVM_GET_REGS _IOR(0xAE, 0x81, struct kvm_regs)');
    const wrong = document.replace(':Type: vcpu', ':Type: vm').replace('(out)', '(in)');
    expect(findDisagreements(document, model).map(({ name, about }) => `${name} ${about}`)).toEqual([
      'KVM_CAP_PPC_OSI architectures',
    ]);
    expect(findDisagreements(wrong, model).slice(0, 2)).toEqual([
      { name: 'KVM_GET_REGS', about: 'kinds of descriptor', document: 'vm', facts: 'vcpu', line: 4 },
      { name: 'KVM_GET_REGS', about: 'direction', document: 'write', facts: 'read', line: 4 },
    ]);
  });

  it('of any text is a list of sections', () => {
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom('4.1 KVM_X', '---------', ':Type: vm', ':Type:', ':Architectures: all except', '  more', ''),
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        for (const section of readDocument(lines.join('\n'))) expect(() => statementsOf(section)).not.toThrow();
      }),
    );
  });
});

/** Where the API documents of Linux 6.12 and of 7.3 disagree with the facts: `magic-gen facts --kernel` lists these. */
const inBoth = [
  'KVM_GET_MSR_INDEX_LIST capability',
  'KVM_GET_DIRTY_LOG direction',
  'KVM_GET_REGS architectures',
  'KVM_SET_REGS architectures',
  'KVM_GET_SREGS architectures',
  'KVM_SET_SREGS architectures',
  'KVM_TRANSLATE architectures',
  'KVM_GET_FPU architectures',
  'KVM_SET_FPU architectures',
  'KVM_CREATE_IRQCHIP architectures',
  'KVM_IRQ_LINE architectures',
  'KVM_ENABLE_CAP kinds of descriptor',
  'KVM_ENABLE_CAP architectures',
  'KVM_ENABLE_CAP capability',
  'KVM_SET_GSI_ROUTING architectures',
  'KVM_SIGNAL_MSI architectures',
  'KVM_PPC_GET_SMMU_INFO argument',
  'KVM_IRQFD architectures',
  'KVM_PPC_ALLOCATE_HTAB direction',
  'KVM_CREATE_DEVICE capability',
  'KVM_SET_DEVICE_ATTR architectures',
  'KVM_GET_DEVICE_ATTR kinds of descriptor',
  'KVM_GET_DEVICE_ATTR architectures',
  'KVM_HAS_DEVICE_ATTR kinds of descriptor',
  'KVM_GET_REG_LIST capability',
  'KVM_SET_GUEST_DEBUG architectures',
  'KVM_S390_GET_IRQ_STATE direction',
  'KVM_MEMORY_ENCRYPT_REG_REGION kinds of descriptor',
  'KVM_MEMORY_ENCRYPT_UNREG_REGION kinds of descriptor',
  'KVM_CLEAR_DIRTY_LOG architectures',
  'KVM_GET_STATS_FD capability',
  'KVM_S390_PV_CPU_COMMAND argument',
  'KVM_ARM_GET_REG_WRITABLE_MASKS direction',
  'KVM_CREATE_GUEST_MEMFD architectures',
  'KVM_PRE_FAULT_MEMORY architectures',
  'KVM_CAP_SYNC_REGS enabled on',
  'KVM_CAP_PPC_FWNMI enabled on',
  'KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 architectures',
  'KVM_CAP_MAX_VCPU_ID architectures',
  'KVM_CAP_DIRTY_LOG_RING architectures',
  'KVM_CAP_DIRTY_LOG_RING_ACQ_REL architectures',
  'KVM_CAP_STEAL_TIME architectures',
];

const linux612 = [
  ...inBoth,
  'KVM_GET_DEBUGREGS kinds of descriptor',
  'KVM_SET_DEBUGREGS kinds of descriptor',
  'KVM_GET_REG_LIST architectures',
  'KVM_MEMORY_ENCRYPT_OP kinds of descriptor',
  'KVM_CAP_PPC_RPT_INVALIDATE enabled on',
  'KVM_CAP_PPC_AIL_MODE_3 enabled on',
  'KVM_CAP_MEMORY_FAULT_INFO enabled on',
  'KVM_CAP_X86_GUEST_MODE enabled on',
  'KVM_CAP_MIPS_TE architectures',
  'KVM_CAP_PPC_MULTITCE entry',
];

const linux73 = [...inBoth, 'KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED enabled on'];

describe('a disagreement that the code has settled', () => {
  it('comes with what the code says, and any other has nothing', () => {
    expect(settledBy({ name: 'KVM_GET_STATS_FD', about: 'capability' })).toBe('the document misspells it');
    expect(settledBy({ name: 'KVM_GET_STATS_FD', about: 'direction' })).toBeUndefined();
    expect(settledBy({ name: 'toString', about: '' })).toBeUndefined();
  });

  it.each([
    ['6.12', linux612],
    ['7.3', linux73],
  ])('is listed for all of Linux %s', (_, keys) => {
    expect(keys.filter((key) => !Object.hasOwn(settled, key))).toEqual([]);
  });

  it('belongs to a kernel whose code was read', () => {
    const known = new Set([...linux612, ...linux73]);
    expect(Object.keys(settled).filter((key) => !known.has(key))).toEqual([]);
  });

  it('is about a name that has facts', () => {
    for (const key of Object.keys(settled)) {
      const [name = '', about] = key.split(' ');
      // The facts have no entry for a name that the document misspells.
      if (about !== 'entry') expect(ioctlFacts[name] ?? capabilityFacts[name], name).toBeDefined();
    }
  });
});
