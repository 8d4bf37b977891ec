import { describe, expect, it } from 'vitest';
import { noHeaders, systemHeaders, titled, x86 } from '../../test/host.js';
import { modelOf } from '../../test/model.js';
import { diffConstants } from '../diff/names.js';
import { emitGroups } from '../emit/groups.js';
import { findInterface } from '../interfaces/interfaces.js';
import { buildModel } from '../model/build.js';
import { capabilityFacts } from './capabilities.js';
import { describeMissing, missingFacts, withoutMissing } from './missing.js';

const text = [
  '#define KVM_NEW _IO(0xAE, 1)',
  '#define KVM_CAP_NEW 1',
  '#define KVM_EXIT_NEW 1',
  '#define KVM_EXIT_IO_IN 0',
  '#define KVM_RUN _IO(0xAE, 0x80)',
].join('\n');

describe('a name without facts', () => {
  it('is reported, be it an ioctl, a capability or an exit reason', () => {
    const missing = missingFacts(modelOf(text));
    expect(missing.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'ioctl KVM_NEW',
      'capability KVM_CAP_NEW',
      'exit reason KVM_EXIT_NEW',
    ]);
    expect(describeMissing(missing)).toMatch(
      /^3 names of the headers without facts\n {4}linux\/kvm\.h:3: ioctl KVM_NEW: no facts about it/,
    );
  });

  it('is not an argument of a capability of a vendor’s kernel', () => {
    const model = modelOf(
      [
        '#define KVM_CAP_ARM_TMM 300',
        '#define KVM_CAP_ARM_TMM_CFG_RPV 0',
        '#define KVM_CAP_ARM_TMM_MEASUREMENT_ALGO_SHA256 0',
        '#define KVM_CAP_ARM_TMM_RPV_SIZE 64',
        '#define KVM_CAP_ARM_RME 301',
        '#define KVM_CAP_ARM_RME_CFG_HASH_ALGO 1',
      ].join('\n'),
    );
    expect(missingFacts(model).map(({ name }) => name)).toEqual(['KVM_CAP_ARM_TMM', 'KVM_CAP_ARM_RME']);
    expect(diffConstants(modelOf(''), model).map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'capability KVM_CAP_ARM_TMM',
      'constant KVM_CAP_ARM_TMM_CFG_RPV',
      'constant KVM_CAP_ARM_TMM_MEASUREMENT_ALGO_SHA256',
      'constant KVM_CAP_ARM_TMM_RPV_SIZE',
      'capability KVM_CAP_ARM_RME',
      'constant KVM_CAP_ARM_RME_CFG_HASH_ALGO',
    ]);
    const emitted = emitGroups(model);
    expect(emitted).toContain('ArmTmm: 300');
    expect(emitted).not.toMatch(/ArmTmmCfgRpv|ArmTmmRpvSize|ArmRmeCfg/);
  });

  it('is left out of the output if it is an ioctl', () => {
    const model = modelOf(text);
    expect(withoutMissing(model, missingFacts(model)).ioctls.map(({ name }) => name)).toEqual(['KVM_RUN']);
  });

  it.skipIf(noHeaders)(titled('does not occur in the running system’s headers', noHeaders), () => {
    expect(missingFacts(buildModel(systemHeaders(), x86))).toEqual([]);
  });

  it('is looked up by the kernel’s names of architectures', () => {
    const known = findInterface('kvm').architectures;
    const named = Object.values(capabilityFacts).flatMap(({ arch }) => arch ?? []);
    expect(named.filter((arch) => !known.includes(arch))).toEqual([]);
  });
});
