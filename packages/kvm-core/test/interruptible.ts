import { ExitReason } from '../src/abi/x86/index.js';
import { Kvm } from '../src/arch/x86/kvm.js';
import { enterMode } from '../src/arch/x86/mode.js';
import type { Vcpu } from '../src/arch/x86/vcpu/vcpu.js';
import type { Vm } from '../src/arch/x86/vm/vm.js';
import type { BackendName } from '../src/backend/backend.js';
import type { GuestMemory } from '../src/memory/guest-memory.js';
import { exitOf } from './run.js';

const codeAddress = 0x1000;
const handlers = 0x2000;
/** Bytes from one handler to the next. */
const stride = 16;

/** Ports that a guest of `interruptible` writes to. */
export const Port = {
  /** About to wait. */
  Ready: 0x10,
  /** An interrupt was taken: its vector. */
  Taken: 0x11,
  /** The end of interrupt was sent to the PIC: its vector again. */
  Ended: 0x12,
} as const;

export interface Interruptible extends Disposable {
  kvm: Kvm;
  vm: Vm;
  vcpu: Vcpu;
  memory: GuestMemory;
  /** The port and value of the next exit, which must be one of `Port`. */
  next(): [port: number, value: number];
}

/**
 * A guest in real mode that waits for interrupts and reports their vectors: `cli`, `out Ready`, `sti`, `hlt` in a loop,
 * and a handler for each of the 256 vectors: `out Taken, vector`; end of interrupt to the PIC; `out Ended, vector`.
 *
 * @param prepare Creates the interrupt controller, if the test needs one.
 */
export function interruptible(backend: BackendName, prepare: (vm: Vm) => void): Interruptible {
  const kvm = Kvm.open({ backend });
  const vm = kvm.createVm();
  prepare(vm);
  const memory = kvm.allocateMemory({ size: 0x10000 });
  for (let vector = 0; vector < 256; vector++) {
    const at = handlers + vector * stride;
    memory.write(vector * 4, Uint8Array.of(at & 0xff, at >> 8, 0, 0));
    // mov al, vector; out Taken, al; mov al, 0x20; out 0x20, al; mov al, vector; out Ended, al; iret
    const handler = [0xb0, vector, 0xe6, Port.Taken, 0xb0, 0x20, 0xe6, 0x20, 0xb0, vector, 0xe6, Port.Ended, 0xcf];
    memory.write(at, Uint8Array.from(handler));
  }
  // cli; out Ready, al; sti; hlt; jmp -7
  memory.write(codeAddress, Uint8Array.of(0xfa, 0xe6, Port.Ready, 0xfb, 0xf4, 0xeb, 0xf9));
  vm.mapMemory(memory, 0n);
  const vcpu = vm.createVcpu(0);
  enterMode(vcpu, 'real', { memory, entry: BigInt(codeAddress), stackTop: 0x8000n });
  return {
    kvm,
    vm,
    vcpu,
    memory,
    next() {
      const exit = exitOf(vcpu);
      if (exit.reason !== ExitReason.Io) throw new Error(`exit reason ${exit.reason}`);
      return [exit.io.port, exit.io.value];
    },
    [Symbol.dispose]() {
      for (const object of [vcpu, memory, vm, kvm]) object.close();
    },
  };
}
