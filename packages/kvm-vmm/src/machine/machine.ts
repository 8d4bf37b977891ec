import { type GuestMemory, Kvm, KvmError, type KvmOptions, type Vcpu, type Vm } from '@kvm/core';
import { optionsOf } from '@kvm/core/struct';
import { mapRam } from '../memory/memory-map.js';
import { reserveHostPages } from './host-pages.js';

export interface MachineOptions {
  /** How to open KVM; as `Kvm.open` does by default. */
  kvm?: KvmOptions;
  /** Bytes of guest memory: whole pages. */
  memorySize: number;
  /** Puts the guest into memory and sets the vCPU up to enter it: `bootFlat`, for a flat binary. */
  boot: (vcpu: Vcpu, memory: GuestMemory) => void;
}

/**
 * The part of a machine that the kernel runs: memory and a vCPU that is ready to enter the guest. `vm.start` runs the
 * vCPU in a Worker, where its module of handlers makes the devices; `runVcpu` runs it in this thread.
 */
export class Machine implements Disposable {
  readonly kvm: Kvm;
  readonly vm: Vm;
  readonly memory: GuestMemory;
  readonly vcpu: Vcpu;

  /**
   * Makes a machine: memory from address 0 on, one vCPU with the CPUID that the host supports, no interrupt controller.
   *
   * @throws KvmError as `Kvm.open` and `kvm.allocateMemory` do, and what `boot` throws. What was made until then is
   *   closed.
   */
  static create(options: MachineOptions): Machine {
    const { kvm, memorySize, boot } = optionsOf(options, 'the options of a Machine', ['kvm', 'memorySize', 'boot']);
    if (typeof boot !== 'function') throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'boot must be a function');
    const made: { close(): void }[] = [];
    const keep = <T extends { close(): void }>(each: T): T => {
      made.unshift(each);
      return each;
    };
    try {
      const opened = keep(Kvm.open(kvm));
      const vm = keep(opened.createVm());
      const memory = keep(opened.allocateMemory({ size: memorySize }));
      reserveHostPages(opened, vm);
      mapRam(vm, memory);
      const vcpu = keep(vm.createVcpu(0));
      vcpu.setCpuid2(opened.getSupportedCpuid());
      boot(vcpu, memory);
      return new Machine(opened, vm, memory, vcpu);
    } catch (error) {
      for (const each of made) each.close();
      throw error;
    }
  }

  private constructor(kvm: Kvm, vm: Vm, memory: GuestMemory, vcpu: Vcpu) {
    this.kvm = kvm;
    this.vm = vm;
    this.memory = memory;
    this.vcpu = vcpu;
  }

  /** Closes all of it. A vCPU that was started is the caller's: close the one that `done` gives. */
  close(): void {
    for (const each of [this.vcpu, this.vm, this.memory, this.kvm]) each.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
