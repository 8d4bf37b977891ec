/** The capabilities that an architecture does not offer, by the architectures that do: a table of its ABI. */
export interface CapabilityArchs {
  readonly capArch: Readonly<Record<string, readonly number[]>>;
}

/** Why a host lacks a capability: another architecture has it, kernels dropped it, or a later kernel brought it. */
export function originOf(
  { capArch }: CapabilityArchs,
  { number, since }: { number: number; since?: string | undefined },
): string | undefined {
  const archs = Object.keys(capArch).find((each) => capArch[each]?.includes(number));
  if (archs === 'none') return 'no kernel offers it any more';
  if (archs !== undefined) return `it is a capability of ${archs}`;
  return since && `it came with ${since}`;
}
