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
  'Type: in prose this is no field.',
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
  it('is read by its sections, in which fields are', () => {
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

  it('is held against the facts, name by name', () => {
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

describe('a disagreement that the code has settled', () => {
  it('is told with where the code says so, and another is not', () => {
    expect(settledBy({ name: 'KVM_GET_STATS_FD', about: 'capability' })).toBe('the document misspells it');
    expect(settledBy({ name: 'KVM_GET_STATS_FD', about: 'direction' })).toBeUndefined();
    expect(settledBy({ name: 'toString', about: '' })).toBeUndefined();
  });

  it('is about something there are facts on', () => {
    for (const key of Object.keys(settled)) {
      const [name = ''] = key.split(' ');
      expect(ioctlFacts[name] ?? capabilityFacts[name], name).toBeDefined();
    }
  });
});
