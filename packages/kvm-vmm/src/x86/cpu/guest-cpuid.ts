import { type CpuidBit, CpuidTable, type Kvm, KvmError } from '@kvm/core';
import { integer, optionsOf } from '@kvm/core/struct';
import { featureBit, parseFeatures } from './feature-list.js';
import { cpuFeatures } from './feature-names.js';
import { type CheckedTemplate, type CpuTemplate, checkTemplate, type Mask } from './template.js';

export interface GuestCpuOptions {
  /** The number of the vCPU, which is its APIC id. */
  cpu: number;
  /** The number of processors of the guest. */
  cpus: number;
  /** Changes of features, after the template: `+avx2,-avx512f`. */
  features?: string | undefined;
  template?: CpuTemplate | undefined;
  /** Whether the local APICs are in the kernel; true. */
  lapic?: boolean | undefined;
  /** The frequency of the guest's time-stamp counter in kHz, if it is constant. */
  tscKhz?: number | undefined;
}

/**
 * The CPUID of one processor of a guest: `kvm.guestCpuid`, as the template and the features change it.
 *
 * @throws KvmError `ERR_KVM_UNSUPPORTED` that names the features that the host lacks; `ERR_KVM_INVALID_ARGUMENT` and
 *   `ERR_KVM_OUT_OF_RANGE` for wrong options, templates and features.
 */
export function guestCpuid(kvm: Kvm, options: GuestCpuOptions): CpuidTable {
  const known = ['cpu', 'cpus', 'features', 'template', 'lapic', 'tscKhz'] as const;
  const { cpu, cpus, lapic = true, tscKhz, ...model } = optionsOf(options, 'the options of guestCpuid', known);
  integer(cpu, 0, 0xffff_ffff, 'the number of the vCPU');
  const clock = tscKhz === undefined ? {} : { tscKhz };
  return applyModel(kvm.guestCpuid({ apicId: cpu, cpus, lapic, ...clock }), { cpu, cpus, ...model });
}

/** The table of `kvm.guestCpuid` with a template and features. */
export function applyModel(host: CpuidTable, options: Omit<GuestCpuOptions, 'lapic' | 'tscKhz'>): CpuidTable {
  const { cpu, cpus, features = '', template } = options;
  const { shown, hidden } = parseFeatures(features);
  const table = new CpuidTable(host);
  if (template !== undefined) {
    applyTemplate(table, host, checkTemplate(template));
    // The template cannot know which processor this is.
    table.setApicId(cpu, cpus);
  }
  refuseMissing(host, shown, 'the CPU features ask for');
  table.enable(...shown.map(featureBit));
  table.disable(...hidden.map(featureBit));
  return table;
}

function applyTemplate(table: CpuidTable, host: CpuidTable, template: CheckedTemplate): void {
  refuseMissing(host, template.requires, `the CPU template ${template.name} needs`);
  if (template.isClosed) hideOthers(table, [...template.requires, ...template.allows].map(featureBit));
  for (const { leaf, subleaf, masks } of template.cpuid) {
    const sets = Object.values(masks).some(({ set }) => set !== 0n);
    const index = subleaf === undefined ? {} : { index: subleaf };
    const entry = table.find(leaf, subleaf) ?? (sets ? table.put({ function: leaf, ...index }) : undefined);
    if (entry === undefined) continue;
    for (const register of ['eax', 'ebx', 'ecx', 'edx'] as const) {
      const mask = masks[register];
      if (mask !== undefined) entry[register] = Number(masked(BigInt(entry[register]), mask));
    }
  }
  const added = [...cpuFeatures].filter(([, bit]) => table.has(bit)).map(([name]) => name);
  refuseMissing(host, added, `the CPU template ${template.name} sets`);
}

export function masked(value: bigint, { keep, set }: Mask): bigint {
  return (value & keep) | set;
}

/** Clears the registers that consist of features, except for some of them. */
function hideOthers(table: CpuidTable, kept: readonly CpuidBit[]): void {
  const place = ({ leaf, subleaf, register }: CpuidBit) => `${leaf}.${subleaf}.${register}`;
  const places = new Map([...cpuFeatures.values()].map((bit) => [place(bit), bit]));
  for (const [where, { leaf, subleaf, register }] of places) {
    const entry = table.find(leaf, subleaf);
    if (entry === undefined) continue;
    const mask = kept.filter((bit) => place(bit) === where).reduce((sum, { bit }) => sum | (1 << bit), 0);
    entry[register] = (entry[register] & mask) >>> 0;
  }
}

function refuseMissing(host: CpuidTable, names: readonly string[], who: string): void {
  const missing = names.filter((name) => !host.has(featureBit(name)));
  if (missing.length === 0) return;
  throw new KvmError('ERR_KVM_UNSUPPORTED', `${who} what this host does not have: ${missing.join(', ')}`);
}
