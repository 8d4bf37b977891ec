import type { Exit } from '../src/arch/x86/exit.js';
import type { BackendName } from '../src/backend/backend.js';
import type { GuestMemory } from '../src/memory/guest-memory.js';
import type { VcpuSaving } from '../src/state/vcpu-saving.js';
import type { VmSaving } from '../src/state/vm-saving.js';
import type { GenericKvm } from '../src/system/kvm.js';

export const codeAddress: number;

/** Of the exits, tests whose claims hold everywhere look at those that are everywhere: the types are x86's. */
type AnyVcpu = VcpuSaving<Exit>;
type AnyKvm = GenericKvm<VmSaving<AnyVcpu>>;

export interface MachineGuest extends Disposable {
  kvm: AnyKvm;
  vm: VmSaving<AnyVcpu>;
  vcpu: AnyVcpu;
  memory: GuestMemory;
  close(): void;
}

/** The package's entry for an architecture, as far as every architecture's is the same. */
export interface Core {
  Kvm: { open(options: { backend: BackendName }): AnyKvm };
}

export function startGuest(
  core: Core,
  backend: BackendName,
  code: Uint8Array,
  prepareVm?: (vm: MachineGuest['vm']) => void,
): MachineGuest;
