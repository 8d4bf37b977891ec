import type { MachineStats } from '@kvm/vmm';

/** A kernel that has written nothing to its console after so many seconds may never do so. */
export const patienceSeconds = 15;

/**
 * What to tell about a kernel that has run so long; undefined if it has written something.
 *
 * @param console the name of the kernel's console.
 * @param reason why kernels cannot run on this host, if it is known.
 */
export function silenceText(
  { secondsToOutput, exitCount }: Pick<MachineStats, 'secondsToOutput' | 'exitCount'>,
  console: 'ttyS0' | 'hvc0',
  reason: string | undefined,
): string | undefined {
  if (secondsToOutput !== undefined) return undefined;
  const exits = exitCount === 0 ? 'has not left KVM once' : `had ${exitCount} exits`;
  const why = reason ?? `is the console in its command line (console=${console})? kvm-cli doctor examines this host`;
  return `the kernel has written nothing for ${patienceSeconds} s, and ${exits}: ${why}`;
}
