import type { GuestMemory, Kvm, Vcpu, Vm } from '@kvm/core';
import type { DeviceStates } from '../machine/order.js';
import type { Keep, Origin } from '../machine/origin.js';
import { broken } from './header.js';
import type { Snapshot } from './read.js';

/** A guest that goes on where it was saved. Its memory is that of the snapshot until it writes to it. */
export class Restored implements Origin {
  readonly states: DeviceStates;
  readonly #snapshot: Snapshot;
  readonly #cpus: number;

  constructor(snapshot: Snapshot, cpus: number) {
    this.states = snapshot.header.devices;
    this.#snapshot = snapshot;
    this.#cpus = cpus;
  }

  allocate(kvm: Kvm): GuestMemory {
    const { memory, header } = this.#snapshot;
    return kvm.allocateMemory({ size: header.memory.size, file: memory, copyOnWrite: true });
  }

  createVcpus(_: Kvm, vm: Vm, _memory: GuestMemory, keep: Keep): readonly Vcpu[] {
    const { vcpus } = vm.restore(this.#snapshot.state);
    for (const vcpu of vcpus) keep(vcpu);
    const isWhole = vcpus.length === this.#cpus && vcpus.every(({ id }, index) => id === index);
    if (!isWhole)
      throw broken(`the state of this snapshot has ${vcpus.length} processors, and the machine ${this.#cpus}`);
    return vcpus;
  }

  load(): void {}
}
