import { readFileSync } from 'node:fs';
import { type BackendName, type GuestMemory, Kvm, type Vcpu, type Vm } from '@kvm/core';
import type { Mode } from '@kvm/core/x86';
import { bootFlat, DebugExit, Devices, mapRam, planFlat, reserveHostPages } from '../src/index.js';

/** A machine with one of the repository's guests, ready to enter it. */
export interface TestMachine {
  vm: Vm;
  vcpu: Vcpu;
  memory: GuestMemory;
  /** With a debug-exit port. */
  devices: Devices;
}

export function guest(name: string): Uint8Array {
  return readFileSync(new URL(`../../../guests/${name}.bin`, import.meta.url));
}

/** Makes a VM with memory and a vCPU, and closes it after the visit. */
export function withGuest<R>(
  backend: BackendName,
  memorySize: number,
  visit: (parts: Pick<TestMachine, 'vm' | 'vcpu' | 'memory'>) => R,
): R {
  using kvm = Kvm.open({ backend });
  using vm = kvm.createVm();
  using memory = kvm.allocateMemory({ size: memorySize });
  reserveHostPages(kvm, vm);
  mapRam(vm, memory);
  using vcpu = vm.createVcpu(0);
  vcpu.setCpuid2(kvm.getSupportedCpuid());
  return visit({ vm, vcpu, memory });
}

/** Makes a machine with 256 KiB of memory and a flat guest, and closes it after the visit. */
export async function withMachine(
  backend: BackendName,
  mode: Mode,
  image: Uint8Array,
  visit: (machine: TestMachine) => void | Promise<void>,
): Promise<void> {
  const memorySize = 0x4_0000;
  const plan = planFlat({ mode, memorySize, imageSize: image.length });
  using kvm = Kvm.open({ backend });
  using vm = kvm.createVm();
  using memory = kvm.allocateMemory({ size: memorySize });
  reserveHostPages(kvm, vm);
  mapRam(vm, memory);
  using vcpu = vm.createVcpu(0);
  vcpu.setCpuid2(kvm.getSupportedCpuid());
  bootFlat(vcpu, memory, image, plan);
  const devices = new Devices();
  devices.add(new DebugExit());
  await visit({ vm, vcpu, memory, devices });
}
