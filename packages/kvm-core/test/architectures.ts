import { type Abis, type ArchName, machines } from '../src/arch/list.js';

/** The architectures of the list. */
export const archNames = Object.keys(machines) as ArchName[];

const modules = archNames.map(async (name) => [name, await import(`../src/abi/${name}/index.ts`)] as const);

/** The ABI of each. */
export const abis = Object.fromEntries(await Promise.all(modules)) as unknown as Abis;
