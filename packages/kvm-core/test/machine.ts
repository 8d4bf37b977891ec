import { ExitReason, SystemEvent } from '../src/abi/x86/index.js';
import type { Exit } from '../src/arch/x86/exit.js';
import type { BackendName } from '../src/backend/backend.js';
import { onEachBackend } from './backends.js';
import { guestImage } from './guests.js';
import { type Core, type MachineGuest, startGuest } from './start-guest.mjs';

/** The folder of the entry for each architecture that tests run on. */
const folders: Readonly<Record<string, string>> = { x64: 'x86', arm64: 'arm64', riscv64: 'riscv', ppc64: 'powerpc' };

/** The machines that there are guests for. */
export const machines = Object.keys(folders);

/** Runs tests that hold on every architecture, on this host's, for every backend. */
export function onEveryMachine(claims: string, tests: (backend: BackendName) => void): void {
  onEachBackend(claims, tests, machines);
}

const folder = folders[process.arch] ?? 'x86';

/** The package, for the architecture of this machine, from its sources. */
export const core = (await import(`../src/arch/${folder}/index.ts`)) as unknown as Core;

/** The same, built, because a Worker imports the built package. */
export const builtCore = new URL(`../dist/${folder === 'x86' ? '' : `arch/${folder}/`}index.js`, import.meta.url).href;

/** The module that starts a guest in a Worker. */
export const guestStarter = new URL('./start-guest.mjs', import.meta.url).href;

/** The bytes of a guest that exists for every architecture. */
export function machineImage(name: MachineImage): Uint8Array {
  return guestImage(process.arch === 'x64' ? name : `${folder}/${name}`);
}

/** The guests that every architecture has: `guests/README.md` says what each does. */
export type MachineImage = 'counter' | 'mmio' | 'off' | 'spin' | 'stores' | 'sum';

/** A VM of one vCPU and 64 KiB, about to run one of the guests that every architecture has. */
export function machineGuest(backend: BackendName, name: MachineImage): MachineGuest {
  return startGuest(core, backend, machineImage(name));
}

/** Whether the guest has ended: halted on x86, in a hypercall on powerpc, powered off elsewhere. */
export function ended(exit: Exit): boolean {
  if (process.arch === 'x64') return exit.reason === ExitReason.Hlt;
  if (process.arch === 'ppc64') return exit.reason === ExitReason.PaprHcall;
  return exit.reason === ExitReason.SystemEvent && exit.systemEvent.type === SystemEvent.Shutdown;
}
