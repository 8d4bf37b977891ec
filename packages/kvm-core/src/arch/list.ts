/**
 * The architectures with a KVM: their ABIs by the kernel's names. `machines` and the loaders of `threads/worker.ts`
 * follow this list. A test checks that the `exports` of package.json do too.
 */
export interface Abis {
  readonly x86: typeof import('../abi/x86/index.js');
  readonly arm64: typeof import('../abi/arm64/index.js');
  readonly riscv: typeof import('../abi/riscv/index.js');
  readonly s390: typeof import('../abi/s390/index.js');
  readonly powerpc: typeof import('../abi/powerpc/index.js');
  readonly mips: typeof import('../abi/mips/index.js');
  readonly loongarch: typeof import('../abi/loongarch/index.js');
}

export type ArchName = keyof Abis;

/** `process.arch` on a machine of each architecture. */
export const machines: Readonly<Record<ArchName, string>> = {
  x86: 'x64',
  arm64: 'arm64',
  riscv: 'riscv64',
  s390: 's390x',
  powerpc: 'ppc64',
  mips: 'mips64el',
  loongarch: 'loong64',
};

/** The package entry for a `process.arch`; undefined for a machine without KVM. */
export function entryFor(machine: string): string | undefined {
  const name = Object.keys(machines).find((each) => machines[each as ArchName] === machine);
  return name && (name === 'x86' ? '@kvm/core' : `@kvm/core/${name}`);
}
