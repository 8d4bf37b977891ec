import { readFileSync } from 'node:fs';
import { type BackendName, type GuestMemory, Kvm, type Vcpu } from '@kvm/core';
import type { Mode } from '@kvm/core/x86';
import {
  bootFlat,
  DebugExit,
  debugExitPort,
  ExitCounts,
  MmioBus,
  mapRam,
  PioBus,
  planFlat,
  reserveHostPages,
} from '../src/index.js';

/** The parts of a machine with one of the repository's guests in front of its entry. */
export interface Machine {
  vcpu: Vcpu;
  memory: GuestMemory;
  pio: PioBus;
  mmio: MmioBus;
  debugExit: DebugExit;
  counts: ExitCounts;
}

export function guest(name: string): Uint8Array {
  return readFileSync(new URL(`../../../guests/${name}.bin`, import.meta.url));
}

/** Makes a machine with 256 KiB of memory, and closes all of it after the visit. */
export async function withMachine(
  backend: BackendName,
  mode: Mode,
  image: Uint8Array,
  visit: (machine: Machine) => void | Promise<void>,
): Promise<void> {
  const kvm = Kvm.open({ backend });
  const vm = kvm.createVm();
  const memory = kvm.allocateMemory({ size: 0x4_0000 });
  reserveHostPages(kvm, vm);
  mapRam(vm, memory);
  const vcpu = vm.createVcpu(0);
  // A processor that may enter long mode, which the kernel asks for where the hardware runs guests.
  vcpu.setCpuid2(kvm.getSupportedCpuid());
  try {
    bootFlat(vcpu, memory, image, planFlat({ mode, memorySize: memory.size, imageSize: image.length }));
    const pio = new PioBus();
    const debugExit = new DebugExit();
    pio.attach(debugExitPort, 1, debugExit);
    await visit({ vcpu, memory, pio, mmio: new MmioBus(), debugExit, counts: new ExitCounts() });
  } finally {
    for (const each of [vcpu, vm, kvm, memory]) each.close();
  }
}
