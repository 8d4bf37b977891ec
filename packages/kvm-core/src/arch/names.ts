/**
 * Translates the numbers of capabilities and exit reasons to the kernel's names and back. An unknown number, as from a
 * newer kernel, is shown as "KVM_CAP_(9999)".
 */
export interface Names<C extends number> {
  /** "KVM_CAP_IRQCHIP" for 0. */
  capName(cap: number): string;
  /** The capability with a name, the kernel's or the friendly one: 0 for "KVM_CAP_IRQCHIP" and "IrqChip". */
  capByName(name: string): C | undefined;
  /** Every capability the headers name, by number. */
  allCaps(): C[];
  /** "KVM_EXIT_IO" for 2. */
  exitReasonName(reason: number): string;
}

/** The part of an architecture's ABI that has the names. */
interface NamedAbi<C extends number> {
  readonly Cap: Readonly<Record<string, C>>;
  readonly capNames: Readonly<Record<number, string>>;
  readonly exitReasonNames: Readonly<Record<number, string>>;
}

export function namesOf<C extends number>({ Cap, capNames, exitReasonNames }: NamedAbi<C>): Names<C> {
  return {
    capName: (cap) => nameOfCap(capNames, cap),
    capByName: (name) => {
      if (Object.hasOwn(Cap, name)) return Cap[name];
      const entry = Object.entries(capNames).find(([, kernelName]) => kernelName === name);
      return entry === undefined ? undefined : (Number(entry[0]) as C);
    },
    allCaps: () => [...new Set(Object.values(Cap))].sort((a, b) => a - b),
    exitReasonName: (reason) => exitReasonNameOf(exitReasonNames, reason),
  };
}

/** The kernel's name of a capability, from the table of an architecture. */
export function nameOfCap(capNames: Readonly<Record<number, string>>, cap: number): string {
  return nameOf(capNames, cap) ?? `KVM_CAP_(${cap})`;
}

/** Both names of a capability, for a message: "KVM_CAP_IRQCHIP, Cap.IrqChip". */
export function bothNames(
  { Cap }: { readonly Cap: Readonly<Record<string, number>> },
  { name, number }: { readonly name: string; readonly number: number },
): string {
  const friendly = Object.keys(Cap).find((each) => Cap[each] === number);
  return friendly === undefined ? name : `${name}, Cap.${friendly}`;
}

/** The kernel's name of an exit reason, from the table of an architecture. */
export function exitReasonNameOf(exitReasonNames: Readonly<Record<number, string>>, reason: number): string {
  return nameOf(exitReasonNames, reason) ?? `KVM_EXIT_(${reason})`;
}

function nameOf(names: Readonly<Record<number, string>>, number: number): string | undefined {
  return Object.hasOwn(names, number) ? names[number] : undefined;
}
