import { type GuestMemory, type Kvm, KvmError, type Vcpu, type Vm } from '@kvm/core';
import { type BootImage, openBoot } from '../x86/boot-image.js';
import { guestCpuid } from '../x86/cpu/guest-cpuid.js';
import { setTemplateMsrs } from '../x86/cpu/template-msrs.js';
import { constantTscKhz } from '../x86/cpu/tsc-khz.js';
import type { Plan } from './options.js';
import type { DeviceStates } from './order.js';
import { virtioCount } from './virtio-devices.js';

/** Takes what is to be closed if there will be no machine. */
export type Keep = <T extends { close(): void }>(each: T) => T;

/** Where a guest begins: with what it boots, or where it was saved. */
export interface Origin {
  /** The states of its devices; undefined for new ones. */
  readonly states: DeviceStates | undefined;
  /** Makes its memory. */
  allocate(kvm: Kvm): GuestMemory;
  /** Makes its processors, in a VM that has the memory. They are ready to run. */
  createVcpus(kvm: Kvm, vm: Vm, memory: GuestMemory, keep: Keep): readonly Vcpu[];
  /** Puts into memory what is not there yet, while the threads of the machine start. */
  load(memory: GuestMemory): void;
}

/** A guest that boots. Everything about its image that can be checked before there is a VM was checked. */
export class Boot implements Origin, Disposable {
  readonly states: undefined;
  readonly #plan: Plan;
  readonly #image: BootImage;

  /** @throws KvmError for an image that cannot be booted, and for a file that cannot be read. */
  constructor(plan: Plan) {
    this.#plan = plan;
    const { boot, memorySize, transport, console } = plan;
    this.#image = openBoot(boot, memorySize, { virtioCount: virtioCount(plan), transport, console });
  }

  allocate(kvm: Kvm): GuestMemory {
    const { memorySize: size, memoryFile: file, hugePages, prefault } = this.#plan;
    if (file === undefined) return kvm.allocateMemory({ size, hugePages, reserve: prefault });
    // Memory is zero at first. Pages that are taken back now must not be those that are taken from the host.
    using before = kvm.allocateMemory({ size, file });
    before.discard();
    return kvm.allocateMemory({ size, file, hugePages, reserve: prefault });
  }

  createVcpus(kvm: Kvm, vm: Vm, memory: GuestMemory, keep: Keep): readonly Vcpu[] {
    const { cpus, cpu, board } = this.#plan;
    const { features, template } = cpu;
    const lapic = board.interrupts !== 'none';
    let tscKhz: number | undefined;
    const vcpus = Array.from({ length: cpus }, (_, id) => {
      const vcpu = keep(vm.createVcpu(id));
      tscKhz ??= constantTscKhz(kvm, vcpu);
      vcpu.setCpuid2(guestCpuid(kvm, { cpu: id, cpus, features, template, lapic, tscKhz }));
      if (template !== undefined) setTemplateMsrs(vcpu, template);
      return vcpu;
    });
    const [first] = vcpus;
    if (first === undefined) throw new KvmError('ERR_KVM_OUT_OF_RANGE', 'a machine has at least one processor');
    this.#image.enter(first, memory);
    return vcpus;
  }

  load(memory: GuestMemory): void {
    this.#image.load(memory);
  }

  [Symbol.dispose](): void {
    this.#image[Symbol.dispose]();
  }
}
