import type { BackendName } from '../src/backend/backend.js';
import type { GuestMemory } from '../src/memory/guest-memory.js';
import type { GenericKvm } from '../src/system/kvm.js';
import type { GenericVcpu } from '../src/vcpu/vcpu.js';
import type { GenericVm } from '../src/vm/vm.js';
import type { Exit } from '../src/x86/exits.js';

export const codeAddress: number;

/** Of the exits, tests whose claims hold everywhere look at those that are everywhere: the types are x86's. */
type AnyVcpu = GenericVcpu<Exit>;
type AnyKvm = GenericKvm<GenericVm<AnyVcpu>>;

export interface MachineGuest extends Disposable {
  kvm: AnyKvm;
  vm: GenericVm<AnyVcpu>;
  vcpu: AnyVcpu;
  memory: GuestMemory;
  close(): void;
}

/** The package's entry for an architecture, as far as every architecture's is the same. */
export interface Core {
  Kvm: { open(options: { backend: BackendName }): AnyKvm };
}

export function startGuest(core: Core, backend: BackendName, code: Uint8Array): MachineGuest;
