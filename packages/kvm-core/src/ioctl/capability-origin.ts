/** The beginnings of names of capabilities that one architecture has, by the kernel's name of it. */
const owners: Readonly<Record<string, readonly string[]>> = {
  arm64: ['ARM_'],
  loongarch: ['LOONGARCH_'],
  mips: ['MIPS_'],
  powerpc: ['PPC_', 'SPAPR_'],
  riscv: ['RISCV_'],
  s390: ['S390_'],
  x86: ['X86_', 'HYPERV_', 'XEN_'],
};

/** Why a host lacks a capability: it is another architecture's, or came with a later kernel. */
export function originOf(
  arch: string,
  { name, since }: { name: string; since?: string | undefined },
): string | undefined {
  const bare = name.replace('KVM_CAP_', '');
  const owner = Object.keys(owners).find((each) => owners[each]?.some((prefix) => bare.startsWith(prefix)));
  if (owner !== undefined && owner !== arch) return `it is a capability of ${owner}`;
  return since && `it came with ${since}`;
}
