import { cpuFeatures } from './feature-names.js';
import type { CpuTemplate } from './template.js';

const words = (text: string): string[] => text.trim().split(/\s+/);

/** What the levels of the x86-64 psABI add to each other. */
const v2 = words('cmov cx8 fpu fxsr lm mmx sse sse2 syscall cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3');
const v3 = [...v2, ...words('abm avx avx2 bmi1 bmi2 f16c fma movbe xsave')];
const v4 = [...v3, ...words('avx512bw avx512cd avx512dq avx512f avx512vl')];

/** What a kernel uses and programs hardly notice; the mitigations, which differ between vendors. */
const system = words(`
  vme de pse tsc msr pae mce apic sep mtrr pge mca pat pse36 clflush ht nx pdpe1gb rdtscp
  pcid x2apic tsc_deadline_timer hypervisor fsgsbase tsc_adjust smep smap umip erms fsrm invpcid nonstop_tsc
  aes pclmulqdq rdrand rdseed adx clflushopt clwb topoext cr8_legacy cmp_legacy
  spec_ctrl stibp ssbd md_clear flush_l1d arch_capabilities
  ibpb ibrs amd_stibp amd_stibp_always_on amd_ssbd virt_ssbd amd_ssb_no amd_psfd btc_no lfence_serialising
  null_selector_clears_base auto_ibrs sbpb ibpb_brtype srso_no
`);
const extendedState = words('xsaveopt xsavec xgetbv1 xsaves');
const paravirtual = [...cpuFeatures.keys()].filter((name) => name.startsWith('kvm_'));

/** Templates by name: the levels of the x86-64 psABI. Programs compiled for a level run on each host that has it. */
export const cpuTemplates: Readonly<Record<string, CpuTemplate>> = {
  'x86-64-v2': { name: 'x86-64-v2', requires: v2, allows: [...system, ...paravirtual] },
  'x86-64-v3': { name: 'x86-64-v3', requires: v3, allows: [...system, ...extendedState, ...paravirtual] },
  'x86-64-v4': { name: 'x86-64-v4', requires: v4, allows: [...system, ...extendedState, ...paravirtual] },
};
