import { type CpuidBit, CpuidFeature } from '@kvm/core';

/** Linux's names where they differ from those of the processor manuals. */
const otherNames: Readonly<Partial<Record<keyof typeof CpuidFeature, string>>> = {
  Sse3: 'pni',
  CnxtId: 'cid',
  Sse41: 'sse4_1',
  Sse42: 'sse4_2',
  TscDeadline: 'tsc_deadline_timer',
  Psn: 'pn',
  Clfsh: 'clflush',
  Ds: 'dts',
  Htt: 'ht',
  RdtM: 'cqm',
  Sha: 'sha_ni',
  Avx512vbmi2: 'avx512_vbmi2',
  ShadowStack: 'shstk',
  Avx512vnni: 'avx512_vnni',
  Avx512bitalg: 'avx512_bitalg',
  Avx512vpopcntdq: 'avx512_vpopcntdq',
  Avx512vp2intersect: 'avx512_vp2intersect',
  Avx512fp16: 'avx512_fp16',
  Avx512bf16: 'avx512_bf16',
  ExtApic: 'extapic',
  Lzcnt: 'abm',
  MisalignedSse: 'misalignsse',
  Prefetchw: '3dnowprefetch',
  TopoExt: 'topoext',
  PerfCtrCore: 'perfctr_core',
  PerfCtrNb: 'perfctr_nb',
  PerfCtrLlc: 'perfctr_llc',
  MmxExt: 'mmxext',
  Amd3dNow: '3dnow',
  Amd3dNowExt: '3dnowext',
  InvariantTsc: 'nonstop_tsc',
  SvmNestedPaging: 'npt',
  SvmLbrVirtualisation: 'lbrv',
  SvmNrips: 'nrip_save',
  SvmTscScale: 'tsc_scale',
  SvmVmcbClean: 'vmcb_clean',
  SvmFlushByAsid: 'flushbyasid',
  SvmDecodeAssists: 'decodeassists',
  SvmPauseFilter: 'pausefilter',
  SvmPauseFilterThreshold: 'pfthreshold',
  SvmAvic: 'avic',
  SvmVirtualVmsave: 'v_vmsave_vmload',
  SvmVgif: 'vgif',
  SvmVnmi: 'vnmi',
};

/**
 * The features of processors by Linux's names, as /proc/cpuinfo lists them: `avx2`, `sse4_2`. KVM's own have the names
 * of the kernel's constants: `kvm_steal_time`.
 */
export const cpuFeatures: ReadonlyMap<string, CpuidBit> = new Map(
  Object.entries(CpuidFeature).map(([key, bit]) => {
    const known = otherNames[key as keyof typeof CpuidFeature];
    return [known ?? key.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, '_').toLowerCase(), bit];
  }),
);
