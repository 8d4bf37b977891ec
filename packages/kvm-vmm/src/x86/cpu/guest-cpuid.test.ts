import { CpuidFeature, CpuidTable, ExitReason, Kvm } from '@kvm/core';
import { enterMode } from '@kvm/core/x86';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { onEachBackend } from '../../../../kvm-core/test/backends.js';
import { kvmError } from '../../../../kvm-core/test/errors.js';
import { featureBit, parseFeatures } from './feature-list.js';
import { cpuFeatures } from './feature-names.js';
import { applyModel, guestCpuid } from './guest-cpuid.js';
import type { CpuTemplate } from './template.js';
import { setTemplateMsrs } from './template-msrs.js';
import { cpuTemplates } from './templates.js';

const wrong = (value: unknown): never => value as never;

/** A host with every feature of these leaves. */
function host(): CpuidTable {
  const all = { eax: 0xffff_ffff, ebx: 0xffff_ffff, ecx: 0xffff_ffff, edx: 0xffff_ffff };
  const table = new CpuidTable([
    { function: 0, eax: 0x16 },
    { function: 1, ...all },
    { function: 7, flags: 1, ...all },
    { function: 0xd, flags: 1, index: 1, ...all },
    { function: 0x4000_0001, ...all },
    { function: 0x8000_0001, ...all },
    { function: 0x8000_0007, ...all },
  ]);
  table.setApicId(1, 4);
  return table;
}

const processor = { cpu: 1, cpus: 4 };
const has = (table: CpuidTable, name: string) => table.has(featureBit(name));

describe('the names of CPU features', () => {
  test('are those of /proc/cpuinfo', () => {
    for (const name of [
      'pni',
      'sse4_2',
      'ds_cpl',
      'tsc_deadline_timer',
      'avx512_vnni',
      'amx_int8',
      'abm',
      '3dnowprefetch',
    ]) {
      expect(cpuFeatures.has(name), name).toBe(true);
    }
    expect(cpuFeatures.get('kvm_steal_time')).toEqual(CpuidFeature.KvmStealTime);
    // Two features with one name would hide each other.
    expect(cpuFeatures.size).toBe(Object.keys(CpuidFeature).length);
    for (const name of cpuFeatures.keys()) expect(name).toMatch(/^[a-z0-9_]+$/);
  });

  test('are read from a list with signs', () => {
    expect(parseFeatures('+avx2,-SSE4.2, -tsc-adjust')).toEqual({ shown: ['avx2'], hidden: ['sse4_2', 'tsc_adjust'] });
    expect(parseFeatures('+avx,-avx,,+avx')).toEqual({ shown: ['avx'], hidden: [] });
    expect(parseFeatures('')).toEqual({ shown: [], hidden: [] });
    for (const text of ['avx', '+', '+ avx', '+avx2;-avx', '+nothing', '+constructor', '+__proto__', wrong(5)]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => parseFeatures(text));
    }
    expect(kvmError('ERR_KVM_INVALID_ARGUMENT', () => parseFeatures('-avx52f')).hint).toBe('did you mean avx512f?');
  });

  test('and nothing else are read from any text', () => {
    const part = fc.oneof(fc.constantFrom('+', '-', ',', 'avx2', ' ', ...cpuFeatures.keys()), fc.string());
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        try {
          const { shown, hidden } = parseFeatures(parts.join(''));
          expect([...shown, ...hidden].every((name) => cpuFeatures.has(name))).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_KVM_INVALID_ARGUMENT' });
        }
      }),
    );
  });
});

describe('the processor of a guest', () => {
  test('is the host without the features that the list hides', () => {
    const given = host();
    const table = applyModel(given, { ...processor, features: '-avx2,-sse4_2' });
    expect(['avx2', 'sse4_2', 'avx'].map((name) => has(table, name))).toEqual([false, false, true]);
    expect(has(given, 'avx2')).toBe(true);
  });

  test('has no feature that the host lacks', () => {
    const less = host();
    less.disable(CpuidFeature.Avx2, CpuidFeature.Avx);
    const error = kvmError('ERR_KVM_UNSUPPORTED', () =>
      applyModel(less, { ...processor, features: '+fma,+avx2,+avx' }),
    );
    expect(error.message).toBe('the CPU features ask for what this host does not have: avx2, avx');
    for (const template of [
      { name: 'needy', requires: ['avx2'] },
      { name: 'bold', cpuid: [{ leaf: 7, subleaf: 0, ebx: { set: 0x20 } }] },
    ]) {
      const { message } = kvmError('ERR_KVM_UNSUPPORTED', () => applyModel(less, { ...processor, template }));
      expect(message).toMatch(/avx2/);
    }
  });

  test('is closed if the template has lists: features of neither are hidden, unknown ones too', () => {
    const template: CpuTemplate = { name: 'small', requires: ['fpu', 'pni'], allows: ['avx2'] };
    const table = applyModel(host(), { ...processor, template, features: '+aes' });
    const shown = [...cpuFeatures.keys()].filter((name) => has(table, name)).sort();
    expect(shown).toEqual(['aes', 'avx2', 'fpu', 'ht', 'pni']);
    expect(table.find(7)).toMatchObject({ eax: 0xffff_ffff, ebx: 0x20, ecx: 0, edx: 0 });
    expect(applyModel(host(), { ...processor, template: { name: 'open' } }).toJSON()).toEqual(host().toJSON());
  });

  test('is what the masks of the template make of the host', () => {
    const template: CpuTemplate = JSON.parse(`{
      "name": "masks",
      "cpuid": [
        { "leaf": "0x1", "eax": { "keep": 0, "set": "0x0003_06f2" }, "ebx": { "keep": 0 } },
        { "leaf": 7, "subleaf": 0, "ebx": { "keep": "0b1" } },
        { "leaf": "0x80000008", "eax": { "set": "0x3028" } },
        { "leaf": "0x80000009", "eax": { "keep": 0 } }
      ]
    }`);
    const table = applyModel(host(), { ...processor, template });
    expect(table.find(1)?.eax).toBe(0x306f2);
    // The id and the number of processors are set again.
    expect(table.find(1)?.ebx).toBe(0x0104_0000);
    expect(table.find(7)?.ebx).toBe(1);
    expect(table.find(0x8000_0008)?.eax).toBe(0x3028);
    expect(table.find(0x8000_0009)).toBeUndefined();
  });

  test('can be a level of x86-64', () => {
    const features = (name: string) => {
      const template = cpuTemplates[name];
      const table = applyModel(host(), { ...processor, template });
      return ['sse4_2', 'avx2', 'avx512f', 'avx512_vnni', 'hypervisor', 'kvm_clock2'].map((each) => has(table, each));
    };
    expect(features('x86-64-v2')).toEqual([true, false, false, false, true, true]);
    expect(features('x86-64-v3')).toEqual([true, true, false, false, true, true]);
    expect(features('x86-64-v4')).toEqual([true, true, true, false, true, true]);
    expect(JSON.parse(JSON.stringify(cpuTemplates))).toEqual(cpuTemplates);
  });

  test('is not made of a template that is none', () => {
    const leaf = (changes: object) => ({ name: 'x', cpuid: [{ leaf: 1, ...changes }] });
    for (const template of [
      null,
      5,
      {},
      { name: '' },
      { name: 'x', require: [] },
      { name: 'x', requires: 'avx' },
      { name: 'x', requires: ['avx9'] },
      { name: 'x', allows: [5] },
      { name: 'x', allows: null },
      { name: 'x', cpuid: {} },
      { name: 'x', cpuid: [{ eax: {} }] },
      leaf({ leaf: '0x' }),
      leaf({ leaf: 1.5 }),
      leaf({ efx: {} }),
      leaf({ eax: 5 }),
      leaf({ eax: { keep: '12h' } }),
      leaf({ eax: { set: null } }),
      { name: 'x', msrs: [{ keep: 0 }] },
    ]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => applyModel(host(), { ...processor, template: wrong(template) }));
    }
    for (const template of [
      leaf({ eax: { set: 2 ** 32 } }),
      leaf({ leaf: -1 }),
      { name: 'x', msrs: [{ index: '0x1_0000_0000' }] },
    ]) {
      kvmError('ERR_KVM_OUT_OF_RANGE', () => applyModel(host(), { ...processor, template }));
    }
  });
});

onEachBackend('the processor of a guest', (backend) => {
  test('lacks a hidden feature, and has the registers of its template', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using memory = kvm.allocateMemory({ size: 0x1_0000 });
    vm.mapMemory(memory, 0n);
    memory.write(0x1000, Uint8Array.of(0x0f, 0xa2, 0xf4)); // cpuid; hlt
    using vcpu = vm.createVcpu(0);
    const template: CpuTemplate = {
      name: 'test',
      cpuid: [{ leaf: 1, eax: { keep: 0, set: 0x306f2 } }],
      msrs: [{ index: '0x277', keep: '0xffff_ffff_ffff_ff00', set: 4 }],
    };
    const table = guestCpuid(kvm, { cpu: 0, cpus: 1, lapic: false, features: '-pni', template });
    expect(has(new CpuidTable(kvm.getSupportedCpuid()), 'pni')).toBe(true);
    vcpu.setCpuid2(table);
    setTemplateMsrs(vcpu, template);
    expect(vcpu.getMsrs([0x277])[0]?.data).toBe(0x0007_0406_0007_0404n);
    enterMode(vcpu, 'real', { memory, entry: 0x1000n, stackTop: 0x8000n });
    const registers = vcpu.getRegs();
    registers.rax = 1n;
    vcpu.setRegs(registers);
    while (vcpu.run().reason === ExitReason.Intr);
    const { rax, rcx } = vcpu.getRegs();
    expect([rax, rcx & 1n, (rcx >> 31n) & 1n]).toEqual([0x306f2n, 0n, 1n]);
  });
});
