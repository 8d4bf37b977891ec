import { readFileSync } from 'node:fs';
import type { BackendName, GuestMemory, Vcpu, Vm } from '@kvm/core';
import type { Mode } from '@kvm/core/x86';
import { bootFlat, DebugExit, Devices, Machine, planFlat } from '../src/index.js';

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

/** Makes a machine with 256 KiB of memory, and closes it after the visit. */
export async function withMachine(
  backend: BackendName,
  mode: Mode,
  image: Uint8Array,
  visit: (machine: TestMachine) => void | Promise<void>,
): Promise<void> {
  const memorySize = 0x4_0000;
  const plan = planFlat({ mode, memorySize, imageSize: image.length });
  using machine = Machine.create({
    kvm: { backend },
    memorySize,
    boot: (vcpu, memory) => bootFlat(vcpu, memory, image, plan),
  });
  const devices = new Devices();
  devices.add(new DebugExit());
  await visit({ vm: machine.vm, vcpu: machine.vcpu, memory: machine.memory, devices });
}
