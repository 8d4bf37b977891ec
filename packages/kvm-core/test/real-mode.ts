import { Kvm } from '../src/arch/x86/kvm.js';
import type { Vcpu } from '../src/arch/x86/vcpu/vcpu.js';
import type { Vm } from '../src/arch/x86/vm/vm.js';
import type { BackendName } from '../src/backend/backend.js';
import type { GuestMemory } from '../src/memory/guest-memory.js';

export interface RealModeGuest extends Disposable {
  kvm: Kvm;
  vm: Vm;
  vcpu: Vcpu;
  memory: GuestMemory;
}

/** Where the code of a real-mode guest lies. */
export const codeAddress = 0x1000;

/** A VM of one vCPU and 64 KiB, about to run `code` in real mode. */
export function realModeGuest(backend: BackendName, code: ArrayLike<number>): RealModeGuest {
  const kvm = Kvm.open({ backend });
  const vm = kvm.createVm();
  const memory = kvm.allocateMemory({ size: 0x10000 });
  memory.write(codeAddress, Uint8Array.from(code));
  vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory });
  const vcpu = vm.createVcpu(0);
  const sregs = vcpu.getSregs();
  for (const segment of [sregs.cs, sregs.ds, sregs.es, sregs.ss]) segment.assign({ base: 0n, selector: 0 });
  vcpu.setSregs(sregs);
  vcpu.setRegs({ rip: BigInt(codeAddress), rsp: 0x8000n, rflags: 2n });
  return {
    kvm,
    vm,
    vcpu,
    memory,
    [Symbol.dispose]() {
      for (const object of [vcpu, memory, vm, kvm]) object.close();
    },
  };
}
