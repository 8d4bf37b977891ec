import { Cap, capNames, type ExitReason, exitReasonNames } from './abi/x86/index.js';

/**
 * From the numbers of capabilities and exit reasons to the kernel's names and back. A number without a name, from a newer
 * kernel, is shown as such: "KVM_CAP_(9999)".
 */

/** "KVM_CAP_IRQCHIP" for 0. */
export function capName(cap: Cap | number): string {
  return nameOf(capNames, cap) ?? `KVM_CAP_(${cap})`;
}

/** The capability of a name, the kernel's or the friendly one: 0 for "KVM_CAP_IRQCHIP" and for "IrqChip". */
export function capByName(name: string): Cap | undefined {
  if (Object.hasOwn(Cap, name)) return Cap[name as keyof typeof Cap];
  const entry = Object.entries(capNames).find(([, kernelName]) => kernelName === name);
  return entry === undefined ? undefined : (Number(entry[0]) as Cap);
}

/** Every capability the headers name, by number. */
export function allCaps(): Cap[] {
  return [...new Set(Object.values(Cap))].sort((a, b) => a - b);
}

/** "KVM_EXIT_IO" for 2. */
export function exitReasonName(reason: ExitReason | number): string {
  return nameOf(exitReasonNames, reason) ?? `KVM_EXIT_(${reason})`;
}

function nameOf(names: Readonly<Record<number, string>>, number: number): string | undefined {
  return Object.hasOwn(names, number) ? names[number] : undefined;
}
