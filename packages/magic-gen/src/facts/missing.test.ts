import { describe, expect, it } from 'vitest';
import { noHeaders, systemHeaders, titled, x86 } from '../../test/host.js';
import { modelOf } from '../../test/model.js';
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

  it('is left out where it is an ioctl, for its entry would lack half', () => {
    const model = modelOf(text);
    expect(withoutMissing(model, missingFacts(model)).ioctls.map(({ name }) => name)).toEqual(['KVM_RUN']);
  });

  it.skipIf(noHeaders)(titled('is none of the running system’s', noHeaders), () => {
    expect(missingFacts(buildModel(systemHeaders(), x86))).toEqual([]);
  });

  it('is looked for by the kernel’s names of architectures', () => {
    const known = ['x86', 'arm64', 'riscv', 's390', 'powerpc', 'mips', 'loongarch'];
    const named = Object.values(capabilityFacts).flatMap(({ arch }) => arch ?? []);
    expect(named.filter((arch) => !known.includes(arch))).toEqual([]);
  });
});
