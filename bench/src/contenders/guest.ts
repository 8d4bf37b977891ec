import { type BackendName, type Exit, exitReasonName, type GuestMemory, Kvm, type Vcpu, type Vm } from '@kvm/core';

/** One VM, one vCPU in real mode, 64 KiB of memory, as in the baseline. */
export interface Guest {
  readonly kvm: Kvm;
  readonly vm: Vm;
  readonly vcpu: Vcpu;
  readonly memory: GuestMemory;
}

const codeAddress = 0x1000;

/**
 * @param size The memory size in bytes.
 * @param prepare Sets up what must exist before the vCPU.
 */
export function startGuest(
  backend: BackendName,
  code: Uint8Array,
  size = 0x10000,
  prepare: (vm: Vm) => void = () => {},
): Guest {
  const kvm = Kvm.open({ backend });
  const vm = kvm.createVm();
  prepare(vm);
  const memory = kvm.allocateMemory({ size });
  memory.write(codeAddress, code);
  vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory });
  const vcpu = vm.createVcpu(0);
  const sregs = vcpu.getSregs();
  for (const segment of [sregs.cs, sregs.ds, sregs.es]) {
    segment.base = 0n;
    segment.selector = 0;
  }
  vcpu.setSregs(sregs);
  vcpu.setRegs({ rip: BigInt(codeAddress), rflags: 2n, rsp: 0x8000n });
  return { kvm, vm, vcpu, memory };
}

export function stopGuest({ kvm, vm, vcpu, memory }: Guest): void {
  vcpu.close();
  vm.close();
  memory.close();
  kvm.close();
}

export function unexpected(exit: Exit): never {
  throw new Error(`unexpected exit: ${exitReasonName(exit.reason)}`);
}

/** mov dx, 0x10; again: out dx, al; jmp again */
export const writesPort = Uint8Array.of(0xba, 0x10, 0x00, 0xee, 0xeb, 0xfd);
/** mov ax, 0x2000; mov ds, ax; again: mov [0], al; jmp again */
export const writesDevice = Uint8Array.of(0xb8, 0x00, 0x20, 0x8e, 0xd8, 0xa2, 0x00, 0x00, 0xeb, 0xfb);
/** mov dx, 0x10; again: mov cx, 100; ring: out dx, al; loop ring; out 0x11, al; jmp again */
export const ringsDoorbell = Uint8Array.of(0xba, 0x10, 0, 0xb9, 0x64, 0, 0xee, 0xe2, 0xfd, 0xe6, 0x11, 0xeb, 0xf6);
/** hlt */
export const halts = Uint8Array.of(0xf4);
/** jmp to itself */
export const spins = Uint8Array.of(0xeb, 0xfe);
