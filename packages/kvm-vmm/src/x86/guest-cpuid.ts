import { Cap, CpuidFeature, CpuidTable, type Kvm } from '@kvm/core';

/** The CPUID of a vCPU of a machine: what the host supports, with the topology of the guest. */
export function guestCpuid(kvm: Kvm, id: number, { cpus }: { readonly cpus: number }): CpuidTable {
  const table = new CpuidTable(kvm.getSupportedCpuid());
  table.setApicId(id, cpus);
  table.enable(CpuidFeature.Hypervisor);
  if (kvm.checkExtension(Cap.TscDeadlineTimer) > 0) table.enable(CpuidFeature.TscDeadline);
  return table;
}
